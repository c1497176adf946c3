import { turn as turnIn, type ConversationView, type Outcome } from "@parley/protocol/fold";
import { createDeferred, type Deferred } from "./deferred.ts";

/** Who waits for the end of which turn. */
export interface TurnEnds {
  readonly until: (turnId: string) => Promise<Outcome>;
  /** The turns whose end somebody waits for. */
  readonly waiting: () => string[];
  /** To be called after the view has changed. */
  readonly look: () => void;
  /** The turns that the view has are gone. Those that it does not have may be new ones. */
  readonly lost: (reason: Error) => void;
  readonly close: (reason: Error) => void;
}

export function createTurnEnds(view: () => ConversationView): TurnEnds {
  const waiting = new Map<string, Deferred<Outcome>>();
  /** Of the turns that were lost last, why. */
  let gone: ReadonlyMap<string, Error> = new Map();
  return {
    until: (turnId) => {
      const outcome = turnIn(view(), turnId)?.outcome;
      if (outcome !== undefined) return Promise.resolve(outcome);
      const reason = gone.get(turnId);
      if (reason !== undefined && turnIn(view(), turnId) === undefined) return Promise.reject(reason);
      const end = waiting.get(turnId) ?? createDeferred<Outcome>();
      waiting.set(turnId, end);
      return end.promise;
    },
    waiting: () => [...waiting.keys()],
    look: () => {
      for (const [turnId, end] of waiting) {
        const outcome = turnIn(view(), turnId)?.outcome;
        if (outcome === undefined) continue;
        waiting.delete(turnId);
        end.resolve(outcome);
      }
    },
    lost: (reason) => {
      gone = new Map(view().turns.map(({ turn_id }) => [turn_id, reason]));
      for (const [turnId, end] of waiting) {
        if (!gone.has(turnId)) continue;
        waiting.delete(turnId);
        end.reject(reason);
      }
    },
    close: (reason) => {
      for (const end of waiting.values()) end.reject(reason);
      waiting.clear();
    },
  };
}
