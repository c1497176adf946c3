import type { Bus } from "@parley/bus";
import {
  ChatError,
  limits,
  messageIdOf,
  subjects,
  toChatError,
  turnsDestination,
  type ConversationId,
  type MessageEvent,
  type MessageFrame,
  type TurnId,
  type TurnRequest,
  type User,
} from "@parley/protocol";
import { traceNames, type RootSpan, type Tracing } from "@parley/runtime";
import { deliveryLimits } from "../delivery-limits.ts";
import type { HubViewer } from "../hub/hub.ts";
import type { Counters } from "../metrics.ts";
import type { Connection } from "../socket/connection.ts";
import type { Outbox } from "../socket/outbox.ts";
import { beginAt } from "./left-place.ts";
import type { Ownership } from "./ownership.ts";
import { newConversationId, turnIdOf } from "./turn-id.ts";
import type { Viewing } from "./viewing.ts";

export interface MessageDeps {
  readonly bus: Pick<Bus, "events" | "turns" | "transcripts">;
  readonly ownership: Ownership;
  readonly viewing: Viewing;
  readonly outbox: Outbox;
  /** Told of every message that was accepted; must not wait for anything. */
  readonly onAccepted: (request: TurnRequest) => void;
  readonly counters: Pick<Counters, "accepted">;
  readonly tracing: Tracing;
}

interface Submitted {
  /** Stream sequence of the user's message; undefined: it is so old that its events are no longer kept. */
  readonly userSeq: number | undefined;
  /** Turns that run before it. */
  readonly earlier: readonly TurnId[];
  /** It was accepted before. */
  readonly isRepeated: boolean;
}

/**
 * `message`: makes it a turn. The sender looks at the conversation before the turn is queued, so that no event of it can be missed, and
 * `accepted` is sent before any of them.
 */
export function createMessageHandler(deps: MessageDeps) {
  const { ownership, viewing, counters, tracing } = deps;
  const accept = async (
    connection: Connection,
    request: TurnRequest,
    { on_busy, conversation_id: given }: MessageFrame,
  ): Promise<Submitted> => {
    const { conversation_id: conversation } = request;
    const [{ viewer, isNew }, open] = await Promise.all([
      viewing.hold(connection, conversation),
      openBefore(deps, connection, given),
    ]);
    try {
      const submitted = await submit(deps, request, on_busy);
      deps.onAccepted(request);
      // The answer to a repeated message may be there already: how long it took is not seen here.
      connection.asked = submitted.isRepeated ? undefined : request.turn_id;
      if (isNew) await begin(deps, { connection, viewer, request, open, submitted });
      answer(deps, viewer, request, submitted.earlier.length);
      return submitted;
    } catch (error) {
      if (isNew) viewing.leave(connection, conversation);
      else viewing.release(viewer);
      throw error;
    }
  };

  /** `parent`: the `traceparent` of the caller. */
  return async (connection: Connection, user: User, frame: MessageFrame, parent?: string): Promise<void> => {
    const askedMs = performance.now();
    checkText(frame.message);
    const conversation = frame.conversation_id ?? newConversationId();
    const turn = turnIdOf(user.id, conversation, frame.id);
    const span = tracing.start(sendSpan(conversation, turn, parent));
    try {
      await ownership.claim(conversation, user.id);
      const request = turnRequestOf(frame, { user, conversation, turn, trace: span.traceparent });
      connection.askedMs = askedMs;
      const { isRepeated, earlier } = await accept(connection, request, frame);
      counters.accepted[isRepeated ? "repeated" : "new"]++;
      span.set({ [traceNames.duplicate]: isRepeated, [traceNames.queuePosition]: earlier.length });
    } catch (error) {
      span.fail(toChatError(error).code);
      throw error;
    } finally {
      span.end();
    }
  };
}

function sendSpan(conversation: ConversationId, turn: TurnId, parent: string | undefined): RootSpan {
  return {
    name: `send ${turnsDestination}`,
    kind: "producer",
    parent,
    attributes: {
      [traceNames.messagingSystem]: "nats",
      [traceNames.messagingOperation]: "send",
      [traceNames.messagingOperationType]: "send",
      [traceNames.destination]: turnsDestination,
      [traceNames.messageId]: turn,
      [traceNames.conversation]: conversation,
      [traceNames.turn]: turn,
    },
  };
}

async function submit(deps: MessageDeps, request: TurnRequest, onBusy: MessageFrame["on_busy"]): Promise<Submitted> {
  const { events, turns } = deps.bus;
  if (onBusy === "interrupt") await interruptOthers(deps, request);
  const { duplicate } = await turns.submit(request, { onlyIfIdle: onBusy === "reject" });
  const writeMessage = async (): Promise<number> =>
    (await events.writeOnce(userSubject(deps, request), messageEventOf(request))).seq;
  if (!duplicate) {
    const [userSeq, { earlier }] = await Promise.all([writeMessage(), queueBefore(deps, request)]);
    return { userSeq, earlier, isRepeated: false };
  }
  const [known, { isQueued, earlier }] = await Promise.all([startOf(deps, request), queueBefore(deps, request)]);
  // In the queue without its message: the edge that took it died in between.
  const userSeq = known ?? (isQueued ? await writeMessage() : undefined);
  if (userSeq === undefined) await checkKnown(deps, request);
  return { userSeq, earlier, isRepeated: true };
}

/** A message that was submitted before and has left no trace was deleted with its conversation: its end would never come. */
async function checkKnown({ bus }: MessageDeps, { conversation_id, turn_id }: TurnRequest): Promise<void> {
  const { records } = await bus.transcripts.tail(conversation_id, { limit: deliveryLimits.snapshotMessages });
  if (records.some((record) => record.turn_id === turn_id)) return;
  throw new ChatError("NOT_FOUND", { message: "This message was deleted. Send it again under another id." });
}

function userSubject({ bus }: MessageDeps, { conversation_id, turn_id }: TurnRequest, turn: TurnId = turn_id): string {
  return subjects.user(bus.events.shardOf(conversation_id), conversation_id, turn);
}

/** The sequence of a turn's first event; undefined when it has none, or it is no longer kept. */
async function startOf(deps: MessageDeps, request: TurnRequest, turn?: TurnId): Promise<number | undefined> {
  return (await deps.bus.events.last(userSubject(deps, request, turn)))?.seq;
}

/** `on_busy: interrupt`: asks all turns of the conversation to stop, unless this is a message that came before. */
async function interruptOthers(deps: MessageDeps, request: TurnRequest): Promise<void> {
  const { events, turns } = deps.bus;
  const { conversation_id, turn_id, user } = request;
  const queued = (await turns.waiting(conversation_id)).map((turn) => turn.request.turn_id);
  if (queued.length === 0 || queued.includes(turn_id) || (await startOf(deps, request)) !== undefined) return;
  const shard = events.shardOf(conversation_id);
  const cancel = (other: TurnId): Promise<unknown> => {
    const common = { conversation_id, turn_id: other, ts: Date.now(), by: user.id, reason: "interrupted" };
    return events.writeOnce(subjects.control(shard, conversation_id, other), { type: "cancel_requested", ...common });
  };
  await Promise.all(queued.map(cancel));
}

/** The turns that run before this one, and whether it is in the queue at all. */
async function queueBefore({ bus: { turns } }: MessageDeps, { conversation_id, turn_id }: TurnRequest) {
  const queued = await turns.waiting(conversation_id);
  const place = queued.findIndex(({ request }) => request.turn_id === turn_id);
  const before = queued.slice(0, Math.max(0, place));
  const ended = await Promise.all(before.map(turns.hasEnded));
  return { isQueued: place >= 0, earlier: before.filter((_, i) => ended[i] !== true).map((t) => t.request.turn_id) };
}

/**
 * The turns that are open before the message is submitted, if its sender does not look on already. One of them may have ended, and have left
 * the queue, when the message has its place in the log: a viewer that begins there would get the rest of an answer.
 */
async function openBefore(
  { bus }: MessageDeps,
  { viewers }: Connection,
  conversation: ConversationId | undefined,
): Promise<readonly TurnId[]> {
  if (conversation === undefined || viewers.has(conversation)) return [];
  return (await bus.turns.waiting(conversation)).map(({ request }) => request.turn_id);
}

interface Beginning {
  readonly connection: Connection;
  readonly viewer: HubViewer;
  readonly request: TurnRequest;
  readonly open: readonly TurnId[];
  readonly submitted: Submitted;
}

/** A new viewer gets events from the beginning of the turn on, and of the turns before it that were open. */
async function begin(deps: MessageDeps, { connection, viewer, request, open, submitted }: Beginning): Promise<void> {
  const { userSeq, earlier, isRepeated } = submitted;
  if (userSeq === undefined) return;
  // What was open when a message came that is repeated now, only the log can say.
  const before = isRepeated ? earlier : [...new Set([...open, ...earlier])];
  const starts = await Promise.all(before.map((turn) => startOf(deps, request, turn)));
  const first = Math.min(userSeq, ...starts.filter((seq) => seq !== undefined));
  beginAt(connection, viewer, first - 1);
}

function answer({ outbox, viewing }: MessageDeps, viewer: HubViewer, request: TurnRequest, position: number): void {
  const { id, conversation_id, turn_id, message_id } = request;
  outbox.cork(viewer.outlet, () => {
    outbox.sendFrame(viewer.outlet, { type: "accepted", id, conversation_id, turn_id, message_id, position });
    viewing.release(viewer);
  });
}

function checkText(text: string): void {
  if (text.trim() === "") throw new ChatError("EMPTY_MESSAGE");
  if (Buffer.byteLength(text) > limits.messageBytes) throw new ChatError("MESSAGE_TOO_LARGE");
}

interface Place {
  readonly user: User;
  readonly conversation: ConversationId;
  readonly turn: TurnId;
  readonly trace: string | undefined;
}

function turnRequestOf(
  { id, message, agent, model, customer_id, metadata }: MessageFrame,
  { user, conversation: conversation_id, turn: turn_id, trace }: Place,
): TurnRequest {
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
    ...(trace === undefined ? {} : { trace }),
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
