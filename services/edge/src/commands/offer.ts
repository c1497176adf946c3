import type { Offer, OfferBoard } from "@parley/bus";
import type { Caller, May } from "@parley/protocol";

export interface OfferDeps {
  /** Undefined: there is no Redis here, and nothing is known. */
  readonly board: Pick<OfferBoard, "read"> | undefined;
  readonly may: May;
}

export type OfferReading = ReturnType<typeof createOfferReading>;

/** What a caller can choose from: of what there is, what their rights let them name in a message. */
export function createOfferReading({ board, may }: OfferDeps) {
  return async (caller: Caller): Promise<Omit<Offer, "simulated"> & Partial<Pick<Offer, "simulated">>> => {
    const { agents = [], models = [], simulated } = (await board?.read()) ?? {};
    const isAny = simulated?.model === true || simulated?.cluster === true;
    return {
      agents: agents.filter(({ name }) => may(caller, "agent:use", { kind: "agent", name }).allowed),
      models: models.filter(({ name }) => may(caller, "model:use", { kind: "model", name }).allowed),
      ...(isAny ? { simulated } : {}),
    };
  };
}

/** The agents that there are, by their own names, as they were a few seconds ago. Without Redis none are known. Never rejects. */
export function createAgentNames(board: OfferDeps["board"]) {
  return async (): Promise<readonly string[]> => ((await board?.read())?.agents ?? []).map(({ name }) => name);
}
