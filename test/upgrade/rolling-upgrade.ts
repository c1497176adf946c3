import { eventually } from "@parley/testkit";
import { startCrowd, type CrowdResult } from "./crowd.ts";
import { createDeciders, type Deciders } from "./deciders.ts";
import { startFleet } from "./fleet.ts";
import type { Version } from "./member.ts";

export interface Rehearsal {
  readonly people: number;
  /** In this order: the fleet begins with the first and is replaced by each of the others. */
  readonly versions: readonly [Version, ...Version[]];
  readonly say: (text: string) => void;
}

export interface RehearsalResult extends CrowdResult {
  /** Turns that waited for people, and were decided. */
  readonly decided: number;
}

/** Replaces every process of a running system, one by one, while people chat and turns wait for others, version after version. */
export async function runRollingUpgrade({ people, versions, say }: Rehearsal): Promise<RehearsalResult> {
  const [first, ...others] = versions;
  await using fleet = await startFleet(first);
  const crowd = await startCrowd(fleet.port, people);
  const deciders = createDeciders(await crowd.deciders(Math.ceil(people / 3)));
  const untilMore = async (): Promise<void> => {
    const before = crowd.ended();
    const what = "more turns that end";
    await eventually(() => crowd.ended() >= before + people, { what, timeoutMs: 60_000, intervalMs: 50 });
  };
  try {
    await untilMore();
    let before = first;
    for (const version of others) {
      await prepare(deciders, before, version);
      await fleet.replaceAll(version, say);
      await untilMore();
      await crowd.readAll();
      say(`all of ${version.name}; ${crowd.ended()} turns so far, ${deciders.decided()} that waited`);
      before = version;
    }
    await deciders.pause();
  } catch (error) {
    const { faults } = await crowd.finish();
    throw new Error([String(error), ...faults.slice(0, 10)].join("\n"), { cause: error });
  }
  const result = await crowd.finish();
  const faults = [...result.faults, ...(await deciders.faults(fleet.counterFile))];
  return { ...result, faults, decided: deciders.decided() };
}

/** Where one of the two cannot wait, nothing may wait while both are there (docs/upgrading.md). */
async function prepare(deciders: Deciders, from: Version, to: Version): Promise<void> {
  if (!from.canWait) return;
  deciders.resume();
  if (!to.canWait) await deciders.pause();
}
