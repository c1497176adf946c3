import { eventually } from "@parley/testkit";
import { startCrowd, type CrowdResult } from "./crowd.ts";
import { startFleet } from "./fleet.ts";
import type { Version } from "./member.ts";

export interface Rehearsal {
  readonly people: number;
  /** In this order: the fleet begins with the first and is replaced by each of the others. */
  readonly versions: readonly [Version, ...Version[]];
  readonly say: (text: string) => void;
}

/** Replaces every process of a running system, one by one, while people chat, version after version. */
export async function runRollingUpgrade({ people, versions, say }: Rehearsal): Promise<CrowdResult> {
  const [first, ...others] = versions;
  await using fleet = await startFleet(first);
  const crowd = await startCrowd(fleet.port, people);
  const untilMore = async (): Promise<void> => {
    const before = crowd.ended();
    const what = "more turns that end";
    await eventually(() => crowd.ended() >= before + people, { what, timeoutMs: 60_000, intervalMs: 50 });
  };
  try {
    await untilMore();
    for (const version of others) {
      await fleet.replaceAll(version, say);
      await untilMore();
      await crowd.readAll();
      say(`all of ${version.name}; ${crowd.ended()} turns so far`);
    }
  } catch (error) {
    const { faults } = await crowd.finish();
    throw new Error([String(error), ...faults.slice(0, 10)].join("\n"), { cause: error });
  }
  return await crowd.finish();
}
