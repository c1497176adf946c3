import { EventTooLargeError, FactsFullError, type Bus } from "@parley/bus";
import type { CallId } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Chain } from "./chain.ts";
import { idsOf, type ClaimedTurn } from "./claimed-turn.ts";
import { FencedError } from "./fenced-append.ts";
import { waitFactOf } from "./wait-fact.ts";

/** What the model reads of a call that nobody could be asked about. */
const tooLargeToWait = "Not run: this answer has become too large to wait for a person's agreement. Nothing was done.";

/** The same of a call in a turn that has waited before, by what a newer version has kept of it: an older one does not write over that. */
export const beganElsewhere =
  "Not run: a person would have to agree to it, and what this answer waited for before was kept by a newer version of the service. Nothing was done.";

/** Undefined: it waits. Else what the model reads of the calls, because what the turn needs to go on cannot be kept. */
export type Suspend = (turn: ClaimedTurn, chain: Chain, calls: readonly CallId[]) => Promise<string | undefined>;

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
      return tooLargeToWait;
    }
    let isNewer = false;
    try {
      const isOurs = await facts.replace(fact, (present) => {
        isNewer = present.kind === "unreadable";
        // Of the same attempt: an earlier try was stored, and its answer was lost.
        return present.kind === "wait" && present.attempt <= turn.attempt;
      });
      if (!isOurs && isNewer) return beganElsewhere;
      if (!isOurs) throw new FencedError("another worker has the turn");
    } catch (err) {
      if (!(err instanceof EventTooLargeError || err instanceof FactsFullError)) throw err;
      log.warn({ err, ...idsOf(turn) }, "there is no room to keep a turn that waits for a person");
      return tooLargeToWait;
    }
    chain.push({ type: "waiting", for: "approval", until });
    await chain.stored();
    return undefined;
  };
}
