import type { Bus } from "@parley/bus";
import {
  ChatError,
  limits,
  messageIdOf,
  subjects,
  type MessageEvent,
  type MessageFrame,
  type TurnId,
  type TurnRequest,
  type User,
} from "@parley/protocol";
import { noCursor } from "../cursor.ts";
import type { HubViewer } from "../hub/hub.ts";
import type { Connection } from "../socket/connection.ts";
import type { Outbox } from "../socket/outbox.ts";
import type { Ownership } from "./ownership.ts";
import { newConversationId, turnIdOf } from "./turn-id.ts";
import type { Viewing } from "./viewing.ts";

export interface MessageDeps {
  readonly bus: Pick<Bus, "events" | "turns">;
  readonly ownership: Ownership;
  readonly viewing: Viewing;
  readonly outbox: Outbox;
}

interface Submitted {
  /** Stream sequence of the user's message; undefined: it is so old that its events are no longer kept. */
  readonly userSeq: number | undefined;
  /** Turns that run before it. */
  readonly earlier: readonly TurnId[];
}

/**
 * `message`: makes it a turn. The sender looks at the conversation before the turn is queued, so that no event of it can be missed, and
 * `accepted` is sent before any of them.
 */
export function createMessageHandler({ bus, ownership, viewing, outbox }: MessageDeps) {
  const { events, turns } = bus;

  const startOf = async ({ conversation_id: conversation }: TurnRequest, turn: TurnId): Promise<number | undefined> =>
    (await events.last(subjects.user(events.shardOf(conversation), conversation, turn)))?.seq;

  /** `on_busy: interrupt`: asks all turns of the conversation to stop, unless this is a message that came before. */
  const interruptOthers = async (request: TurnRequest): Promise<void> => {
    const { conversation_id, turn_id, user } = request;
    const queued = await turns.waiting(conversation_id);
    if (queued.length === 0 || (await startOf(request, turn_id)) !== undefined) return;
    if (queued.some((other) => other.request.turn_id === turn_id)) return;
    const shard = events.shardOf(conversation_id);
    await Promise.all(
      queued.map((other) => {
        const { turn_id: otherId } = other.request;
        const common = { conversation_id, turn_id: otherId, ts: Date.now(), by: user.id, reason: "interrupted" };
        const subject = subjects.control(shard, conversation_id, otherId);
        return events.writeOnce(subject, { type: "cancel_requested", ...common });
      }),
    );
  };

  /** The turns that run before this one, and whether it is in the queue at all. */
  const queueBefore = async ({ conversation_id, turn_id }: TurnRequest) => {
    const queued = await turns.waiting(conversation_id);
    const place = queued.findIndex(({ request }) => request.turn_id === turn_id);
    const before = place < 0 ? [] : queued.slice(0, place);
    const ended = await Promise.all(before.map((turn) => turns.hasEnded(turn)));
    return { isQueued: place >= 0, earlier: before.filter((_, i) => ended[i] !== true).map((t) => t.request.turn_id) };
  };

  const submit = async (request: TurnRequest, onBusy: MessageFrame["on_busy"]): Promise<Submitted> => {
    if (onBusy === "interrupt") await interruptOthers(request);
    const { duplicate } = await turns.submit(request, { onlyIfIdle: onBusy === "reject" });
    const { conversation_id: conversation, turn_id } = request;
    const subject = subjects.user(events.shardOf(conversation), conversation, turn_id);
    if (!duplicate) {
      const [{ seq }, { earlier }] = await Promise.all([
        events.writeOnce(subject, messageEventOf(request)),
        queueBefore(request),
      ]);
      return { userSeq: seq, earlier };
    }
    const [known, { isQueued, earlier }] = await Promise.all([startOf(request, turn_id), queueBefore(request)]);
    if (known !== undefined || !isQueued) return { userSeq: known, earlier };
    // The edge that took it died between queueing it and writing its message.
    return { userSeq: (await events.writeOnce(subject, messageEventOf(request))).seq, earlier };
  };

  /** From where a new viewer gets events: the beginning of the turn, and of turns before it that still run. */
  const beginningOf = async (request: TurnRequest, { userSeq, earlier }: Submitted): Promise<number> => {
    if (userSeq === undefined) return noCursor;
    const starts = await Promise.all(earlier.map((turn) => startOf(request, turn)));
    return Math.min(userSeq, ...starts.filter((seq) => seq !== undefined)) - 1;
  };

  const answer = (viewer: HubViewer, { id, conversation_id, turn_id, message_id }: TurnRequest, position: number) => {
    outbox.cork(viewer.outlet, () => {
      outbox.sendFrame(viewer.outlet, { type: "accepted", id, conversation_id, turn_id, message_id, position });
      viewing.release(viewer);
    });
  };

  return async (connection: Connection, user: User, frame: MessageFrame): Promise<void> => {
    checkText(frame.message);
    const conversation = frame.conversation_id ?? newConversationId();
    await ownership.claim(conversation, user.id);
    const request = turnRequestOf(frame, user, conversation);
    const { viewer, isNew } = await viewing.hold(connection, conversation);
    try {
      const submitted = await submit(request, frame.on_busy);
      if (isNew) viewer.cursor = await beginningOf(request, submitted);
      answer(viewer, request, submitted.earlier.length);
    } catch (error) {
      if (isNew) viewing.leave(connection, conversation);
      else viewing.release(viewer);
      throw error;
    }
  };
}

function checkText(text: string): void {
  if (text.trim() === "") throw new ChatError("EMPTY_MESSAGE");
  if (Buffer.byteLength(text) > limits.messageBytes) throw new ChatError("MESSAGE_TOO_LARGE");
}

function turnRequestOf(frame: MessageFrame, user: User, conversation_id: string): TurnRequest {
  const { id, message, agent, model, customer_id, metadata } = frame;
  const turn_id = turnIdOf(user.id, conversation_id, id);
  return {
    v: 1,
    turn_id,
    conversation_id,
    user,
    id,
    message_id: messageIdOf(turn_id, "user"),
    message,
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model }),
    ...(customer_id === undefined ? {} : { customer_id }),
    ...(metadata === undefined ? {} : { metadata }),
    accepted_at: Date.now(),
  };
}

/** The worker writes it too; whoever is first wins, and both write the same. */
function messageEventOf({
  conversation_id,
  turn_id,
  accepted_at,
  message_id,
  id,
  user,
  message,
}: TurnRequest): MessageEvent {
  return {
    type: "message",
    conversation_id,
    turn_id,
    ts: accepted_at,
    message_id,
    id,
    author: { role: "user", id: user.id, ...(user.name === undefined ? {} : { name: user.name }) },
    message,
  };
}
