import type { Bus, SubmitOptions, WrittenFact } from "@parley/bus";
import {
  ChatError,
  filesOf,
  fitMessage,
  hasSameFiles,
  limits,
  messageEventOf,
  subjects,
  toChatError,
  type ConversationId,
  type FilePart,
  type MessageEvent,
  type MessageFrame,
  type ReadEvent,
  type TurnId,
  type TurnRequest,
} from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { deliveryLimits } from "../delivery/delivery-limits.ts";
import { requestCancel } from "./cancel.ts";
import type { Aside } from "./message-order.ts";
import { saidFactOf } from "./turn-request.ts";

export type SubmissionBus = Pick<Bus, "events" | "facts" | "turns" | "transcripts">;

export interface Submitted {
  /** Stream sequence of the user's message, behind which is all of its turn; undefined: it is so old that its events are no longer kept. */
  readonly userSeq: number | undefined;
  /** Turns that run before it. */
  readonly earlier: readonly TurnId[];
  /** It was accepted before. */
  readonly isRepeated: boolean;
  /** It has left the queue: its end is told already. */
  readonly isOver: boolean;
}

type Said = WrittenFact<"said">;

/** A message that was noted. */
export interface Noted {
  readonly said: Said;
  /** Resolves when it is within its sender's limits. What came before is told so whatever they say now. */
  readonly allowed: Promise<unknown>;
  /** It may stop only turns of its own sender: whoever writes in a conversation of somebody else's stops no others. */
  readonly stopsOnlyOwn?: boolean;
}

/**
 * Notes the message, which tells whether it came before. It is noted before the turn is queued: a message whose turn ended long ago never gets
 * into the queue, where a worker might run it again. Throws OVERLOADED, also when there is no room for new messages.
 */
export function noteSaid({ facts }: Pick<SubmissionBus, "facts">, request: TurnRequest): Promise<Said> {
  return facts.write(saidFactOf(request));
}

/**
 * Puts the turn into the queue, and its message into the log. Throws CONVERSATION_BUSY, QUEUE_FULL, CONFLICT for an id that another text has,
 * NOT_FOUND for a message that was deleted, and OVERLOADED when the broker does not answer. An edge may die behind each line: what is noted and was
 * never queued is queued when the message comes again.
 */
export async function submit(
  bus: SubmissionBus,
  request: TurnRequest,
  onBusy: MessageFrame["on_busy"],
  noted?: Noted,
): Promise<Submitted> {
  const said = noted?.said ?? (await noteSaid(bus, request));
  const known = said.won ? "never queued" : await repeated(bus, request, said);
  if (typeof known !== "string") return known;
  await noted?.allowed;
  if (onBusy === "interrupt") await interruptOthers(bus, request, noted?.stopsOnlyOwn === true);
  const how = { onlyIfIdle: onBusy === "reject", isLost: known === "lost" };
  const { seq, duplicate, isAlone } = await queue(bus, request, how);
  if (duplicate) return knownToQueue(bus, request);
  const before = isAlone ? { earlier: [] } : queueBefore(bus, request, seq);
  const [userSeq, { earlier }] = await Promise.all([writeMessage(bus, request), before]);
  return { userSeq, earlier, isRepeated: false, isOver: false };
}

/** Returns the sequence of the message in the log. An older edge may have accepted another one under this id. */
async function writeMessage(bus: SubmissionBus, request: TurnRequest): Promise<number> {
  const event = messageEventOf(request);
  const shorten = (maxBytes: number): MessageEvent => fitMessage(event, maxBytes);
  const written = await bus.events.writeOnce(userSubject(bus, request), event, shorten);
  if (!written.won) checkSameText(request, written.event);
  return written.seq;
}

/**
 * What became of a message that was noted before. "never queued": its edge died before it had queued it, or it was refused. "lost": it was queued, and the broker
 * lost it with its power, or somebody deleted it: nobody would ever end it.
 */
async function repeated(
  bus: SubmissionBus,
  request: TurnRequest,
  { fact, storedMs }: Extract<Said, { won: false }>,
): Promise<Submitted | "never queued" | "lost"> {
  if (fact.kind === "said") {
    refuseOther(request, fact);
    if (fact.supersedes !== request.supersedes || fact.parent !== request.parent) throw otherMessage();
  }
  const { conversation_id, turn_id } = request;
  const [place, { queued, earlier }] = await Promise.all([
    bus.events.placeOfLast(userSubject(bus, request)),
    queueBefore(bus, request),
  ]);
  const userSeq = place?.seq;
  if (queued !== undefined) {
    if (place === undefined) await writeMessage(bus, request);
    // One that was written again stands behind what its turn has told: who began there would lack all that.
    const isFirst = place !== undefined && place.storedMs - storedMs <= deliveryLimits.lateMessageMs;
    return { userSeq: isFirst ? userSeq : undefined, earlier, isRepeated: true, isOver: false };
  }
  // What has left the queue has ended, and what has ended has a record.
  const recorded = await bus.transcripts.find(conversation_id, turn_id, storedMs);
  if (recorded?.answer !== undefined) return { userSeq, earlier, isRepeated: true, isOver: true };
  return userSeq === undefined ? "never queued" : "lost";
}

/** The queue remembers the message and the facts do not: an older edge took it, it came twice at once, or it was deleted. */
async function knownToQueue(bus: SubmissionBus, request: TurnRequest): Promise<Submitted> {
  const [known, { queued, earlier }] = await Promise.all([
    bus.events.last(userSubject(bus, request)),
    queueBefore(bus, request),
  ]);
  // The log first: once the queue has forgotten an id, what was refused may stand in it, and will end with what it repeats.
  const first = known?.event ?? queued;
  if (first !== undefined) checkSameText(request, first);
  // In the queue without its message: the edge that took it died in between, or it is forgotten, and what its turn has told with it.
  if (known === undefined && queued !== undefined) await writeMessage(bus, request);
  else if (known === undefined) await checkKnown(bus, request);
  return { userSeq: known?.seq, earlier, isRepeated: true, isOver: queued === undefined };
}

/** Looks before a refusal is passed on: what was in the way may have left the queue in between. */
const mostRefusals = 3;

/**
 * The queue remembers ids for a while, and refuses a message that comes again later, or at the same time by another edge, for the very turn that it
 * is. Its sender is told that it was accepted: a refusal is for messages that will not run.
 */
async function queue(
  bus: SubmissionBus,
  request: TurnRequest,
  how: SubmitOptions,
): Promise<{ readonly seq?: number; readonly duplicate: boolean; readonly isAlone: boolean }> {
  for (let refusals = 1; ; refusals++) {
    try {
      return await bus.turns.submit(request, how);
    } catch (error) {
      const { code } = toChatError(error);
      if (code !== "CONVERSATION_BUSY" && code !== "QUEUE_FULL") throw error;
      const queued = await bus.turns.waiting(request.conversation_id);
      const isAccepted = queued.some((turn) => turn.request.turn_id === request.turn_id);
      if (isAccepted || (how.isLost !== true && (await startOf(bus, request)) !== undefined))
        return { duplicate: true, isAlone: false };
      const isBusy = code === "QUEUE_FULL" || !(await areOver(bus, queued));
      if (isBusy || refusals === mostRefusals) throw error;
    }
  }
}

/** How long what was asked to stop may take to leave a full queue. */
const stoppedLeaveMs = 5_000;

/**
 * Where the queue was full, all that is in it was just asked to stop: a refusal before it has left would leave the conversation without the answers
 * that ran and without the one that was to take their place. So it is submitted again when there is room: as any other message, for what has come meanwhile was
 * not meant. Nothing is held while it waits, and others may pass.
 */
export async function behindStopped<T>(
  bus: SubmissionBus,
  { conversation_id }: TurnRequest,
  aside: Aside,
  submitAs: (onBusy: MessageFrame["on_busy"]) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + stoppedLeaveMs;
  for (let onBusy: MessageFrame["on_busy"] = "interrupt"; ; onBusy = "enqueue") {
    try {
      return await submitAs(onBusy);
    } catch (error) {
      if (toChatError(error).code !== "QUEUE_FULL" || performance.now() >= deadline) throw error;
    }
    await aside(untilRoom(bus, conversation_id, deadline));
  }
}

/** Whoever asked looks for itself: also where the broker is away. */
async function untilRoom({ turns }: SubmissionBus, conversation: ConversationId, deadline: number): Promise<void> {
  const backoff = createBackoff({ minMs: 20, maxMs: 250 });
  while (performance.now() < deadline) {
    await sleep(backoff.nextMs());
    const queued = await turns.waiting(conversation).catch(() => []);
    if (queued.length < limits.turnsPerConversation) return;
  }
}

async function areOver({ turns }: SubmissionBus, queued: Awaited<ReturnType<SubmissionBus["turns"]["waiting"]>>) {
  return (await Promise.all(queued.map(turns.hasEnded))).every(Boolean);
}

/**
 * A message id that comes again must come with the same text and files: whoever sent others would get the answer to the first. These alone count,
 * because they are what the queue, the log and the transcript all keep. Throws CONFLICT.
 */
export function checkSameText(said: SaidContent, first: ReadEvent | TurnRequest): void {
  if ("type" in first && first.type !== "message") return;
  refuseOther(said, first);
}

/** What a message says, its files by their ids. */
export interface SaidContent {
  readonly message: string;
  readonly files?: readonly Pick<FilePart, "file_id">[] | undefined;
}

/** Throws CONFLICT. */
export function refuseOther({ message, files }: SaidContent, first: SaidContent): void {
  if (message !== first.message.toWellFormed() || !hasSameFiles(files, first.files)) throw otherMessage();
}

function otherMessage(): ChatError {
  const message = "Another message was sent under this id. Send this one under an id of its own.";
  return new ChatError("CONFLICT", { message });
}

/** A message that was submitted before and has left no trace was deleted with its conversation: its end would never come. */
async function checkKnown(bus: SubmissionBus, request: TurnRequest): Promise<void> {
  const { conversation_id, turn_id } = request;
  const { turns } = await bus.transcripts.tail(conversation_id, { limit: deliveryLimits.snapshotMessages });
  const recorded = turns.find((turn) => turn.turn_id === turn_id);
  if (recorded?.question !== undefined) {
    const { message, parts = [] } = recorded.question;
    refuseOther(request, { message, files: filesOf(parts) });
  }
  if (recorded !== undefined) return;
  throw new ChatError("NOT_FOUND", { message: "This message was deleted. Send it again under another id." });
}

function userSubject(bus: SubmissionBus, { conversation_id, turn_id }: TurnRequest, turn: TurnId = turn_id): string {
  return subjects.user(bus.events.shardOf(conversation_id), conversation_id, turn);
}

/** The sequence of a turn's first event; undefined when it has none, or it is no longer kept. */
export async function startOf(bus: SubmissionBus, request: TurnRequest, turn?: TurnId): Promise<number | undefined> {
  return (await bus.events.last(userSubject(bus, request, turn)))?.seq;
}

/** `on_busy: interrupt`: asks all turns of the conversation that its sender may stop to do so, unless this is a message that came before. */
async function interruptOthers(bus: SubmissionBus, request: TurnRequest, stopsOnlyOwn: boolean): Promise<void> {
  const { conversation_id: conversation, turn_id, user } = request;
  const open = (await bus.turns.waiting(conversation)).map((turn) => turn.request);
  const queued = open.filter((one) => !stopsOnlyOwn || one.user.id === user.id).map((one) => one.turn_id);
  if (queued.length === 0 || queued.includes(turn_id) || (await startOf(bus, request)) !== undefined) return;
  const why = { conversation, by: user.id, reason: "interrupted" };
  await Promise.all(queued.map((turn) => requestCancel(bus, { ...why, turn })));
}

/** The turns that run before this one, and what is queued of it, if it is in the queue at all. */
async function queueBefore({ turns }: SubmissionBus, { conversation_id, turn_id }: TurnRequest, seq?: number) {
  const waiting = await turns.waiting(conversation_id, seq);
  const place = waiting.findIndex(({ request }) => request.turn_id === turn_id);
  const before = waiting.slice(0, Math.max(0, place));
  const ended = await Promise.all(before.map(turns.hasEnded));
  const earlier = before.filter((_, i) => ended[i] !== true).map(({ request }) => request.turn_id);
  return { queued: waiting[place]?.request, earlier };
}
