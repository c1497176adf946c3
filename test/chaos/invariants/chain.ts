import { isDeepStrictEqual } from "node:util";
import { Outcome, isTerminal, textOf } from "@parley/protocol";
import type { ConversationHistory, StoredAt, Violation } from "../history.ts";
import { ofType, turnLogsOf, type TurnLog } from "./turn-log.ts";

/**
 * P3: one writer at a time. Attempts rise by one, each begins with its claim, numbers have no hole, nothing follows the end; so no event
 * of an older attempt stands behind a newer claim. And what may exist only once does.
 */
export function checkChains(history: ConversationHistory, logLost = false): Violation[] {
  const conversation = history.plan.id;
  return [...turnLogsOf(history).values()].flatMap((log) =>
    [...chainFaults(log.chain, logLost), ...onceFaults(log.events), ...endFaults(log, logLost)].map((what) => ({
      promise: "P3" as const,
      conversation,
      turn: log.turn,
      what,
    })),
  );
}

function chainFaults(chain: readonly StoredAt[], logLost: boolean): string[] {
  const faults: string[] = [];
  // What a lost log held counts on in the new one; and what is old is forgotten, also in the middle of an attempt.
  let { attempt, n } = logLost ? beforeFirst(chain) : { attempt: 0, n: 0 };
  let hasEnded = false;
  for (const { seq, event } of chain) {
    if (!("attempt" in event)) {
      faults.push(`${event.type} at ${seq} does not belong into the chain`);
      continue;
    }
    if (hasEnded) faults.push(`${event.type} at ${seq} follows the end`);
    if (event.type === "claimed") {
      if (event.attempt !== attempt + 1) faults.push(`attempt ${event.attempt} at ${seq} follows attempt ${attempt}`);
      attempt = event.attempt;
      n = 0;
    }
    if (event.attempt !== attempt)
      faults.push(`${event.type} of attempt ${event.attempt} at ${seq} stands behind the claim of attempt ${attempt}`);
    else if (event.n !== n) faults.push(`number ${event.n} at ${seq} where ${n} was due`);
    n = event.n + 1;
    hasEnded ||= isTerminal(event.type);
  }
  return faults;
}

function beforeFirst(chain: readonly StoredAt[]): { attempt: number; n: number } {
  const first = chain[0]?.event;
  if (first === undefined || !("attempt" in first)) return { attempt: 0, n: 0 };
  return first.type === "claimed" ? { attempt: first.attempt - 1, n: 0 } : first;
}

/** Whether what is kept of a turn does not begin where that began: the log does not say all that was told of it. */
function isTorn({ chain: [first], message }: TurnLog): boolean {
  if (first?.event.type !== "claimed" || first.event.attempt > 1) return true;
  return message === undefined || message.seq > first.seq;
}

/** Every channel but the chain and the display-only progress holds one event. */
function onceFaults(events: readonly StoredAt[]): string[] {
  const counts = new Map<string, number>();
  for (const { channel } of events) {
    if (channel === "a" || channel.startsWith("toolp.")) continue;
    counts.set(channel, (counts.get(channel) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > 1).map(([channel, count]) => `${count} events on ${channel}`);
}

/** The end is what was decided, and says what was stored. */
function endFaults(log: TurnLog, logLost: boolean): string[] {
  const { chain, terminal, asOf } = log;
  if (terminal === undefined || (logLost && isTorn(log))) return [];
  const faults: string[] = [];
  const decisions = chain.filter((stored) => ofType(stored, "ending"));
  if (decisions.length !== 1) faults.push(`its end was decided ${decisions.length} times`);
  for (const { event } of decisions) {
    if (!isDeepStrictEqual(event.outcome, Outcome.parse(terminal.event)))
      faults.push("its end is not what was decided");
  }
  // Before it: the fold of an end has its text, whatever was there.
  const parts = asOf(terminal.seq - 1)?.parts ?? [];
  if (textOf(parts) !== terminal.event.response) faults.push("its end does not say the text that is stored");
  return [...faults, ...beginFaults(log)];
}

/** Viewers have the message before the answer. */
function beginFaults({ chain, message }: TurnLog): string[] {
  const first = chain.find(({ event }) => event.type === "thinking" || event.type === "token");
  if (message === undefined) return ["the user's message is missing"];
  return first !== undefined && first.seq < message.seq ? ["its answer begins before the user's message"] : [];
}
