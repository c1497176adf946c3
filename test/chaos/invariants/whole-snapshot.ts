import { isDeepStrictEqual } from "node:util";
import { storedParts, type SnapshotFrame, type TranscriptMessage } from "@parley/protocol";
import { kindsOf } from "./part-kinds.ts";
import { wasCancelledWaiting, type TurnLog } from "./turn-log.ts";

/** What is stored of a conversation, to compare a snapshot of it with. */
export interface Kept {
  readonly logs: ReadonlyMap<string, TurnLog>;
  readonly records: readonly TranscriptMessage[];
}

/**
 * A snapshot holds the newest messages up to these limits (256 KB, less the largest message, which may have calls and then its text in its parts as well), of
 * which the parts of its turn take their own; of what is older it says nothing.
 */
const tail = { messages: 50, bytes: 150_000 } as const;

type Told = readonly TranscriptMessage[];

/** Whether the snapshot leaves out none of the conversation's messages. */
export function isUncut({ messages = [], parts = [] }: SnapshotFrame): boolean {
  return messages.length < tail.messages && JSON.stringify([messages, parts]).length < tail.bytes;
}

/**
 * Before the tail there may be messages of older turns, whose messages the device has sent again. What is between those and the tail is not told.
 */
export function tailOf(messages: Told, records: readonly TranscriptMessage[]): Told {
  const shown = new Set(messages.map(({ message_id }) => message_id));
  const places = new Map(records.map(({ message_id }, place) => [message_id, place]));
  const placeOf = (message: TranscriptMessage | undefined): number | undefined => places.get(message?.message_id ?? "");
  const followsOn = (i: number): boolean => {
    const [before, after] = [placeOf(messages[i - 1]), placeOf(messages[i])];
    // What had no record then may have one that stands anywhere.
    if (before === undefined || after === undefined) return true;
    return records.slice(before, after).every(({ message_id }) => shown.has(message_id));
  };
  let first = messages.length - 1;
  while (first > 0 && followsOn(first)) first--;
  return messages.slice(Math.max(0, first));
}

/**
 * P2: a snapshot of the conversation at a place of the log says exactly what was stored up to there: every message that fits, each as it is
 * kept, of turns that had ended the answer as well, and the turn that runs. Nothing of it is from beyond its place: that comes again.
 */
export function snapshotFaults(frame: SnapshotFrame, seq: number, kept: Kept): string[] {
  const messages = frame.messages ?? [];
  return [
    ...turnFaults(frame, seq, kept),
    ...beyondFaults(messages, seq, kept),
    ...missingFaults(frame, seq, kept),
    ...contentFaults(messages, kept),
    ...orderFaults(messages, kept),
  ];
}

const isAnswer = ({ author }: { author: { role: string } }): boolean => author.role === "assistant";

const hasEnded = (log: TurnLog | undefined, seq: number): boolean =>
  log?.terminal !== undefined && log.terminal.seq <= seq;

const hasBegun = ({ message }: TurnLog, seq: number): boolean => message !== undefined && message.seq <= seq;

/** Those that were accepted up to there and had not ended. */
function openTurns(seq: number, { logs }: Kept): TurnLog[] {
  return [...logs.values()].filter((log) => hasBegun(log, seq) && !hasEnded(log, seq));
}

/** Its text and its calls are compared with the fold where all frames are. */
function turnFaults({ turn_id, status }: SnapshotFrame, seq: number, kept: Kept): string[] {
  const open = openTurns(seq, kept);
  if (turn_id === undefined) {
    if (status !== "idle") return [`it is ${status} without a turn`];
    return open.map(({ turn }) => `it is idle, and ${turn} had not ended`);
  }
  const shown = open.find(({ turn }) => turn === turn_id);
  if (shown === undefined) return [`it shows ${turn_id} as ${status}, which was not open then`];
  const running = open.filter(({ chain }) => chain.some((at) => at.seq <= seq && at.event.type === "token"));
  if (running.length === 0 || running.includes(shown)) return [];
  return [`it shows ${turn_id} while ${running[0]?.turn} ran`];
}

function beyondFaults(messages: Told, seq: number, { logs }: Kept): string[] {
  return messages.flatMap((message) => {
    const log = logs.get(message.turn_id);
    // Events are not kept as long as the transcript.
    if (log === undefined) return [];
    if (isAnswer(message)) {
      return hasEnded(log, seq) ? [] : [`it has the answer of ${log.turn}, which ended at ${log.terminal?.seq}`];
    }
    return hasBegun(log, seq) || hasEnded(log, seq)
      ? []
      : [`it has the message of ${log.turn}, which was stored at ${log.message?.seq}`];
  });
}

function missingFaults(frame: SnapshotFrame, seq: number, { logs, records }: Kept): string[] {
  const { messages = [] } = frame;
  const has = new Set(messages.map(({ message_id }) => message_id));
  if (has.size < messages.length) return ["it has a message twice"];
  const due = [...logs.values()].flatMap((log) => [
    ...(hasBegun(log, seq) && log.message !== undefined ? [log.message.event.message_id] : []),
    ...(hasEnded(log, seq) && log.terminal !== undefined ? [log.terminal.event.message_id] : []),
  ]);
  const missing = due.filter((id) => !has.has(id));
  if (missing.length === 0) return [];
  if (isUncut(frame)) return missing.map((id) => `it lacks message ${id}`);
  // Only what is older than all that it has may have been cut off.
  const places = new Map(records.map(({ message_id }, place) => [message_id, place]));
  const first = Math.min(
    ...tailOf(messages, records).map(({ message_id }) => places.get(message_id) ?? Number.POSITIVE_INFINITY),
  );
  return missing
    .filter((id) => (places.get(id) ?? Number.POSITIVE_INFINITY) > first)
    .map((id) => `it lacks message ${id}, and has older ones`);
}

function contentFaults(messages: Told, { records, logs }: Kept): string[] {
  return messages.flatMap((message) => {
    const record = records.find(({ message_id }) => message_id === message.message_id);
    if (record === undefined) {
      // Every turn has been recorded by now.
      return logs.has(message.turn_id) ? [`its message ${message.message_id} was never kept`] : [];
    }
    if (!isDeepStrictEqual(withoutParts(message), withoutParts(record)))
      return [`its message ${message.message_id} is not the one that is kept`];
    const { parts } = message;
    if (parts === undefined || isDeepStrictEqual(parts, storedParts(record))) return [];
    return [
      `its message ${message.message_id} has the parts ${kindsOf(parts)}, kept are ${kindsOf(storedParts(record))}`,
    ];
  });
}

/** What an edge has from events, before the record is there, has another time. */
function withoutParts({ ts: _ts, parts: _parts, ...told }: TranscriptMessage) {
  return told;
}

/** A question stands before its answer, and answers stand as their turns ended. */
function orderFaults(messages: Told, { logs }: Kept): string[] {
  const faults: string[] = [];
  let last = 0;
  for (const [place, message] of messages.entries()) {
    if (!isAnswer(message)) continue;
    if (messages.slice(place).some(({ turn_id, author }) => turn_id === message.turn_id && author.role === "user"))
      faults.push(`its answer of ${message.turn_id} stands before the question`);
    const log = logs.get(message.turn_id);
    if (log?.terminal === undefined || wasCancelledWaiting(log)) continue;
    if (log.terminal.seq < last) faults.push(`its answer of ${message.turn_id} stands after one that came later`);
    last = log.terminal.seq;
  }
  return faults;
}
