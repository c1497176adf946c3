import { EventTooLargeError, FactsFullError, type Bus } from "@parley/bus";
import type { CallId } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Chain } from "./chain.ts";
import { idsOf, type ClaimedTurn } from "./claimed-turn.ts";
import { FencedError } from "./fenced-append.ts";
import { waitFactOf } from "./wait-fact.ts";

/** What the model reads of a call that nobody could be asked about. */
export const tooLargeToWait =
  "Not run: this answer has become too large to wait for a person's agreement. Nothing was done.";

/** Returns false when there is no room to keep what the turn needs to go on. */
export type Suspend = (turn: ClaimedTurn, chain: Chain, calls: readonly CallId[]) => Promise<boolean>;

/**
 * Lets a turn wait for people: first what it needs to go on, then the event, fenced. Killed between the two, the attempt counts as a lost one, and the
 * next one comes here again.
 */
export function createSuspension({ events, facts }: Pick<Bus, "events" | "facts">, log: Logger): Suspend {
  const untilOf = ({ fold }: ClaimedTurn, calls: readonly CallId[]): number =>
    Math.min(...calls.map((call) => fold.approvals.get(call)?.asked.fact.expires_at ?? Infinity));

  return async (turn, chain, calls) => {
    const until = untilOf(turn, calls);
    const fact = waitFactOf(turn, { calls, until }, events.maxBytes());
    if (fact === undefined) {
      log.warn(idsOf(turn), "a turn is too large to wait for a person");
      return false;
    }
    try {
      // Of the same attempt: an earlier try was stored, and its answer was lost.
      const isOurs = await facts.replace(fact, (present) => present.kind === "wait" && present.attempt <= turn.attempt);
      if (!isOurs) throw new FencedError("another worker has the turn");
    } catch (err) {
      if (!(err instanceof EventTooLargeError || err instanceof FactsFullError)) throw err;
      log.warn({ err, ...idsOf(turn) }, "there is no room to keep a turn that waits for a person");
      return false;
    }
    chain.push({ type: "waiting", for: "approval", until });
    await chain.stored();
    return true;
  };
}
