import { setMaxListeners } from "node:events";
import { allViewers, watch, type Watched } from "./dialects/watching.ts";
import type { TurnPlan } from "./plan/plan.ts";
import { createRandom } from "./plan/random.ts";
import type { World } from "./world/world.ts";

interface OnlookerDeps {
  readonly world: Pick<World, "edgeUrls">;
  readonly token: string;
  readonly signal: AbortSignal;
}

/** How many connections of each of them are cut in a turn, and how long these stay. */
const cuts = 2;
const cutAfterMs = [100, 2_000] as const;

/** Clients of all dialects that look at the turns of one conversation. */
export function openOnlookers(seed: string, { world, token, signal }: OnlookerDeps) {
  const looking: Promise<Watched>[] = [];
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);
  const origins = (): string[] => world.edgeUrls().map((url) => new URL(url.replace(/^ws/, "http")).origin);

  return {
    /** Resolves when all of them have seen the end. */
    async look(conversation: string, turn: string, { id, prompt: { text, agent } }: TurnPlan): Promise<void> {
      const place = { conversation, turn, message: { id, text, agent } };
      const random = createRandom(`${seed}/${id}/dialects`);
      const deps = { origins, token, signal: AbortSignal.any([signal, stopping.signal]), cuts, cutAfterMs };
      const all = allViewers.map((viewer) => watch(viewer, place, { ...deps, random: random.fork(viewer.name).next }));
      looking.push(...all);
      await Promise.all(all);
    },
    /** Those that still look are stopped. */
    watched(): Promise<readonly Watched[]> {
      stopping.abort();
      return Promise.all(looking);
    },
  };
}
