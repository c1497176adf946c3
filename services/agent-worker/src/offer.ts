import { announceEveryMs, type AnnouncedAgents, type OfferBoard } from "@parley/bus";
import type { Logger } from "@parley/runtime";
import type { Agent } from "./agents/agent.ts";
import type { Provider } from "./model/provider.ts";

/** Enough to show what an agent is for; the router compares with all of them. */
const examplesShown = 4;

/** What people may choose here: the agents, and the models that somebody has named for answers. */
export function offerOf(
  { model, simulated }: Pick<Provider, "model" | "simulated">,
  agents: readonly Agent[],
  described: Iterable<string> = [],
): AnnouncedAgents {
  const models = new Set([model, ...agents.flatMap((agent) => agent.model ?? []), ...described]);
  return {
    agents: agents.map(({ name, description, examples }) => ({
      ...{ name, description },
      ...(examples.length === 0 ? {} : { examples: examples.slice(0, examplesShown) }),
    })),
    models: [...models].map((name) => ({ name })),
    isSimulated: simulated,
  };
}

export interface AnnouncingDeps {
  readonly board: Pick<OfferBoard, "announceAgents">;
  readonly offer: AnnouncedAgents;
  readonly redis: {
    on(event: "ready", listener: () => void): unknown;
    off(event: "ready", listener: () => void): unknown;
  };
  readonly log: Logger;
}

/** Tells the edges what there is, again and again. Returns how to stop. */
export function keepOffering({ board, offer, redis, log }: AnnouncingDeps): () => void {
  const announce = (): void => {
    // While Redis is away nothing needs to be done: when it is ready again, perhaps without its data, this runs again.
    board.announceAgents(offer).catch((err: unknown) => log.debug({ err }, "the agents could not be announced"));
  };
  const timer = setInterval(announce, announceEveryMs);
  redis.on("ready", announce);
  announce();
  return () => {
    clearInterval(timer);
    redis.off("ready", announce);
  };
}
