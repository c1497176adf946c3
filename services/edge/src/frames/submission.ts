import type { Bus } from "@parley/bus";
import { ChatError, fitMessage, subjects, type MessageFrame, type TurnId, type TurnRequest } from "@parley/protocol";
import { deliveryLimits } from "../delivery-limits.ts";
import { messageEventOf } from "./turn-request.ts";

export type SubmissionBus = Pick<Bus, "events" | "turns" | "transcripts">;

export interface Submitted {
  /** Stream sequence of the user's message; undefined: it is so old that its events are no longer kept. */
  readonly userSeq: number | undefined;
  /** Turns that run before it. */
  readonly earlier: readonly TurnId[];
  /** It was accepted before. */
  readonly isRepeated: boolean;
}

/**
 * Puts the turn into the queue, and its message into the log. Throws CONVERSATION_BUSY, QUEUE_FULL, NOT_FOUND for a message that was deleted, and
 * OVERLOADED when the broker does not answer.
 */
export async function submit(
  bus: SubmissionBus,
  request: TurnRequest,
  onBusy: MessageFrame["on_busy"],
): Promise<Submitted> {
  const { events, turns } = bus;
  if (onBusy === "interrupt") await interruptOthers(bus, request);
  const { duplicate } = await turns.submit(request, { onlyIfIdle: onBusy === "reject" });
  const event = messageEventOf(request);
  const writeMessage = async (): Promise<number> =>
    (await events.writeOnce(userSubject(bus, request), event, (maxBytes) => fitMessage(event, maxBytes))).seq;
  if (!duplicate) {
    const [userSeq, { earlier }] = await Promise.all([writeMessage(), queueBefore(bus, request)]);
    return { userSeq, earlier, isRepeated: false };
  }
  const [known, { isQueued, earlier }] = await Promise.all([startOf(bus, request), queueBefore(bus, request)]);
  // In the queue without its message: the edge that took it died in between.
  const userSeq = known ?? (isQueued ? await writeMessage() : undefined);
  if (userSeq === undefined) await checkKnown(bus, request);
  return { userSeq, earlier, isRepeated: true };
}

/** A message that was submitted before and has left no trace was deleted with its conversation: its end would never come. */
async function checkKnown(bus: SubmissionBus, { conversation_id, turn_id }: TurnRequest): Promise<void> {
  const { records } = await bus.transcripts.tail(conversation_id, { limit: deliveryLimits.snapshotMessages });
  if (records.some((record) => record.turn_id === turn_id)) return;
  throw new ChatError("NOT_FOUND", { message: "This message was deleted. Send it again under another id." });
}

function userSubject(bus: SubmissionBus, { conversation_id, turn_id }: TurnRequest, turn: TurnId = turn_id): string {
  return subjects.user(bus.events.shardOf(conversation_id), conversation_id, turn);
}

/** The sequence of a turn's first event; undefined when it has none, or it is no longer kept. */
export async function startOf(bus: SubmissionBus, request: TurnRequest, turn?: TurnId): Promise<number | undefined> {
  return (await bus.events.last(userSubject(bus, request, turn)))?.seq;
}

/** `on_busy: interrupt`: asks all turns of the conversation to stop, unless this is a message that came before. */
async function interruptOthers(bus: SubmissionBus, request: TurnRequest): Promise<void> {
  const { events, turns } = bus;
  const { conversation_id, turn_id, user } = request;
  const queued = (await turns.waiting(conversation_id)).map((turn) => turn.request.turn_id);
  if (queued.length === 0 || queued.includes(turn_id) || (await startOf(bus, request)) !== undefined) return;
  const shard = events.shardOf(conversation_id);
  const cancel = (other: TurnId): Promise<unknown> => {
    const common = { conversation_id, turn_id: other, ts: Date.now(), by: user.id, reason: "interrupted" };
    return events.writeOnce(subjects.control(shard, conversation_id, other), { type: "cancel_requested", ...common });
  };
  await Promise.all(queued.map(cancel));
}

/** The turns that run before this one, and whether it is in the queue at all. */
async function queueBefore({ turns }: SubmissionBus, { conversation_id, turn_id }: TurnRequest) {
  const queued = await turns.waiting(conversation_id);
  const place = queued.findIndex(({ request }) => request.turn_id === turn_id);
  const before = queued.slice(0, Math.max(0, place));
  const ended = await Promise.all(before.map(turns.hasEnded));
  return { isQueued: place >= 0, earlier: before.filter((_, i) => ended[i] !== true).map((t) => t.request.turn_id) };
}
