import { isDeepStrictEqual } from "node:util";
import { storedParts, type Outcome, type TranscriptMessage } from "@parley/protocol";
import type { ConversationHistory, Violation } from "../history.ts";
import { plansByTurn } from "./ends.ts";
import { kindsOf } from "./part-kinds.ts";
import { turnLogsOf, wasCancelledWaiting, type TurnLog } from "./turn-log.ts";

/** P2, of what is kept: each message once, read as it is stored, equal to what viewers were told, in the order in which the turns ended. */
export function checkTranscript(history: ConversationHistory): Violation[] {
  const conversation = history.plan.id;
  const logs = turnLogsOf(history);
  const violations: Violation[] = [];
  const report = (what: string, turn?: string): void =>
    void violations.push({ promise: "P2", conversation, ...(turn === undefined ? {} : { turn }), what });

  const ids = new Set<string>();
  for (const { message_id, turn_id } of history.records) {
    if (ids.has(message_id)) report(`message ${message_id} is in the transcript twice`, turn_id);
    ids.add(message_id);
  }
  const lost = history.records.filter((one) => !history.transcript.some((read) => isDeepStrictEqual(read, one)));
  for (const { message_id, turn_id } of lost) report(`message ${message_id} is not read as it is stored`, turn_id);
  for (const [turn, plan] of plansByTurn(history)) {
    for (const what of recordFaults(turn, plan.prompt.text, history.records, logs.get(turn))) report(what, turn);
  }
  const inOrder = orderOf(logs);
  const recorded = history.records
    .filter(({ author, turn_id }) => author.role === "assistant" && inOrder.includes(turn_id))
    .map(({ turn_id }) => turn_id);
  if (
    !isDeepStrictEqual(
      recorded,
      inOrder.filter((turn) => recorded.includes(turn)),
    )
  )
    report("the transcript is not in the order in which the turns ended");
  return violations;
}

function recordFaults(
  turn: string,
  message: string,
  records: readonly TranscriptMessage[],
  log: TurnLog | undefined,
): string[] {
  const question = records.findIndex(({ turn_id, author }) => turn_id === turn && author.role === "user");
  const answer = records.findIndex(({ turn_id, author }) => turn_id === turn && author.role === "assistant");
  const record = records[answer];
  if (question < 0 || record === undefined) return ["its messages are not in the transcript"];
  const faults: string[] = [];
  if (answer < question) faults.push("its answer is in the transcript before the question");
  if (records[question]?.message !== message) faults.push("its question in the transcript is not what was asked");
  const end = log?.terminal?.event;
  if (log === undefined || end === undefined) return faults;
  return [...faults, ...answerFaults(record, end), ...partFaults(record, log)];
}

function answerFaults(record: TranscriptMessage, end: Outcome): string[] {
  const faults: string[] = [];
  if (record.message !== end.response) faults.push("its answer in the transcript is not what viewers were told");
  if (record.status !== end.type)
    faults.push(`the transcript says it is ${record.status}, viewers were told ${end.type}`);
  if (!isDeepStrictEqual(record.tool_calls, end.tool_calls))
    faults.push("its tool calls in the transcript are not what viewers were told");
  return faults;
}

/** What is read back is what viewers have in the end, in the order in which they have seen it. */
function partFaults(record: TranscriptMessage, log: TurnLog): string[] {
  const { terminal, asOf } = log;
  const told = terminal === undefined || !isWhole(log) ? undefined : asOf(terminal.seq)?.parts;
  const kept = storedParts(record);
  if (told === undefined || isDeepStrictEqual(kept, told)) return [];
  return [`its parts in the transcript are ${kindsOf(kept)}, viewers were told ${kindsOf(told)}`];
}

/** Of a turn whose beginning is lost the log does not say all. Its message may be there again: who goes on with it writes that. */
function isWhole({ message, chain }: TurnLog): boolean {
  const first = chain[0]?.event;
  return message !== undefined && first !== undefined && "attempt" in first && first.attempt === 1 && first.n === 0;
}

/** Turns by their end; those that were cancelled while they waited end whenever they do. */
function orderOf(logs: ReadonlyMap<string, TurnLog>): string[] {
  return [...logs.values()]
    .filter((log) => log.terminal !== undefined && !wasCancelledWaiting(log))
    .toSorted((one, other) => (one.terminal?.seq ?? 0) - (other.terminal?.seq ?? 0))
    .map(({ turn }) => turn);
}
