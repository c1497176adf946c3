import { storedParts, turn as turnIn } from "@parley/protocol";
import type { AskedCall, ConversationHistory, History, Violation } from "../history.ts";
import { kindsOf } from "./part-kinds.ts";
import type { Expected } from "../scenario.ts";
import { ofType, turnLogsOf, type TurnLog } from "./turn-log.ts";

/** What a decision may take on its way beyond the time there is for it. */
const graceMs = 5_000;

/**
 * P11: what needs a person's word is done with that word alone, once, and in time; and then it is done, or it is said that nobody knows. Nobody else's word
 * counts, and a turn that waited goes on soon.
 */
export function checkAgreements(
  history: ConversationHistory,
  executions: History["executions"],
  expected: Expected,
): Violation[] {
  const { plan, askedCalls } = history;
  const conversation = plan.id;
  const faults = askedCalls.flatMap((asked) =>
    callFaults(asked, plan.user, executions.get(asked.call) ?? 0).map((what) => ({ turn: asked.turn, what })),
  );
  const late = waitsOf(history).flatMap(({ turn, call, afterMs }) =>
    afterMs > expected.goesOnWithinMs ? { turn, what: `it went on ${afterMs} ms after the decision on ${call}` } : [],
  );
  return [
    ...viewFaults(history).map((what) => ({ promise: "P2" as const, conversation, what })),
    ...toldFaults(history).map((what) => ({ promise: "P11" as const, conversation, what })),
    ...strangerFaults(history).map((what) => ({ promise: "P11" as const, conversation, what })),
    ...[...faults, ...late].map((fault) => ({ promise: "P11" as const, conversation, ...fault })),
  ];
}

/** A call is told to have been done, or not, or nobody knows. */
const maybeDone: ReadonlySet<string> = new Set(["completed", "unknown"]);

function callFaults(asked: AskedCall, user: string, executed: number): string[] {
  const { call, status, decided } = asked;
  const isAgreed = isAgreedInTime(asked);
  const faults: string[] = [];
  if (executed > 0 && !isAgreed) faults.push(`call ${call} ran (${executed}) without a word for it`);
  if (executed > 1) faults.push(`call ${call} ran ${executed} times`);
  if (executed > 0 && !maybeDone.has(status)) faults.push(`call ${call} ran, and is told as ${status}`);
  if (status === "completed" && executed === 0) faults.push(`call ${call} is told as completed, and did not run`);
  if (decided?.by !== undefined && decided.by !== user) faults.push(`${decided.by} decided on call ${call}`);
  if (asked.outcome === "complete") faults.push(...endFaults(asked, isAgreed));
  return faults;
}

/** Of a turn that nobody stopped. */
function endFaults({ call, status, asked, decided, isWanted }: AskedCall, isAgreed: boolean): string[] {
  if (asked === undefined) return [];
  if (isWanted && decided?.by === undefined) return [`nobody could decide on call ${call} in time`];
  if (decided === undefined) return [`call ${call} was asked for and ended as ${status} without a decision`];
  if (isAgreed && !maybeDone.has(status)) return [`call ${call} was agreed to and ended as ${status}`];
  if (!isAgreed && status !== "denied") return [`call ${call} was not agreed to and ended as ${status}`];
  return [];
}

function isAgreedInTime({ asked, decided }: AskedCall): boolean {
  if (asked === undefined || decided?.approved !== true) return false;
  return decided.atMs - asked.atMs <= asked.ttlMs + graceMs;
}

/** What viewers are told of a decision is the decision. */
function toldFaults({ events, askedCalls }: ConversationHistory): string[] {
  return events.flatMap((stored) => {
    if (!ofType(stored, "approval_decided")) return [];
    const { call_id, approved } = stored.event;
    const asked = askedCalls.find(({ call }) => call === call_id);
    if (asked === undefined || approved === isAgreedInTime(asked)) return [];
    return [`viewers were told that call ${call_id} was ${approved ? "agreed to" : "denied"}, and it was not`];
  });
}

/** Also where all events of its wait are forgotten, who looks has what the transcript has in the end, in its order. */
function viewFaults({ askedCalls, records, views }: ConversationHistory): string[] {
  const turns = new Set(askedCalls.map(({ turn }) => turn));
  return [...turns].flatMap((turn) => {
    const record = records.find(({ turn_id, author }) => turn_id === turn && author.role === "assistant");
    const kept = record === undefined ? "nothing" : kindsOf(storedParts(record));
    return views.flatMap((view) => {
      const seen = turnIn(view, turn);
      const shown = seen?.outcome === undefined ? kept : kindsOf(seen.parts);
      return shown === kept ? [] : `of turn ${turn} a device has ${shown}, the transcript ${kept}`;
    });
  });
}

/** An edge that is just starting knows no conversation yet. */
const refusals: ReadonlySet<number> = new Set([403, 404, 503]);

function strangerFaults({ strangersTries }: ConversationHistory): string[] {
  return strangersTries
    .filter(({ status }) => !refusals.has(status))
    .map(({ call, status }) => `a stranger who decided on call ${call} was answered ${status}`);
}

export interface Wait {
  readonly turn: string;
  readonly call: string;
  /** From the decision to the claim. */
  readonly afterMs: number;
}

/** Decisions of people on turns that waited for nothing else, and were not stopped. */
export function waitsOf(history: Pick<ConversationHistory, "events">): Wait[] {
  return [...turnLogsOf(history).values()].flatMap((log) =>
    log.events.flatMap((stored) => {
      if (!ofType(stored, "approval_decided") || stored.event.by === undefined) return [];
      const afterMs = goesOnAfter(log, stored.seq, stored.event.ts);
      return afterMs === undefined ? [] : { turn: log.turn, call: stored.event.call_id, afterMs };
    }),
  );
}

function goesOnAfter({ chain, control }: TurnLog, seq: number, decidedMs: number): number | undefined {
  const before = chain.findLast((stored) => stored.seq < seq);
  const next = chain.find((stored) => stored.seq > seq);
  if (before?.event.type !== "waiting" || next?.event.type !== "claimed") return undefined;
  return control !== undefined && control.seq < next.seq ? undefined : next.event.ts - decidedMs;
}
