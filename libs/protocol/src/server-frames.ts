import { z } from "zod";
import { TitleEvent } from "./conversation-events.ts";
import { MessageChanges, MessageDeletedEvent, MessageEditedEvent, ReactionEvent } from "./message-changes.ts";
import { PostEvent } from "./post.ts";
import { MemberEvent, PinEvent, Room } from "./room.ts";
import { UsageFrame } from "./usage-frame.ts";
import { PresenceFrame, ReadFrame, ReadMark, TypingFrame } from "./signals.ts";
import { ApprovalDecision, ApprovalState } from "./approval.ts";
import { AnyErrorCode } from "./errors.ts";
import {
  ApprovalDecidedEvent,
  ApprovalRequiredEvent,
  CancelledEvent,
  CompleteEvent,
  ErrorEvent,
  MessageEvent,
  ProgressEvent,
  ReasoningEvent,
  ThinkingEvent,
  TokenEvent,
  ToolCallEndEvent,
  ToolCallProgressEvent,
  ToolCallStartEvent,
  TurnRestartedEvent,
  WaitingEvent,
} from "./events.ts";
import { Author } from "./author.ts";
import { MessageId, Rating } from "./feedback.ts";
import { FileProgressFrame, FileStoredFrame } from "./file-frames.ts";
import { Handover, HandoverEvent } from "./handover.ts";
import { CallId, ConversationId, TurnId } from "./ids.ts";
import { openEnum } from "./open-enum.ts";
import { actedFor } from "./on-behalf-of.ts";
import { Part } from "./parts.ts";
import { FinishedToolCall, ToolCall } from "./tool-calls.ts";
import { TranscriptMessage } from "./transcript-message.ts";
import { WaitingTurn } from "./waiting-turn.ts";

/** What a server sends in the native dialect: frames of the connection itself, and every visible event with its cursor. */

export const User = z
  .object({
    id: z.string().describe("The token's `sub`; `~<issuer>~<sub>` where its issuer is not a primary one."),
    email: z.string().optional().describe("The token's `email`."),
    name: z.string().optional().describe("The token's `name`."),
  })
  .describe("Whose connection it is.");
export type User = z.infer<typeof User>;

const WelcomeFrame = z
  .object({
    type: z.literal("welcome"),
    connection_id: z.string().describe("The connection in the server's log."),
    auth_required: z.boolean().describe("Whether nothing is possible before `auth`."),
    heartbeat_ms: z.number().describe("Send a `ping` after so long a silence."),
    max_message_bytes: z.number().describe("The longest text of a message, as UTF-8."),
    resume_window_ms: z.number().describe("How long events are kept: a cursor that is older gets a snapshot."),
  })
  .describe("What a client must know; the first frame of a connection.");
const AuthSuccessFrame = z
  .object({
    type: z.literal("auth_success"),
    message: z.string().describe("For people."),
    user: User.describe("Who the token says it is."),
    expires_at: z.number().describe("When the token runs out, ms since 1970."),
  })
  .describe("The token was accepted.");
const AuthErrorFrame = z
  .object({
    type: z.literal("auth_error"),
    message: z.string().describe("A sentence for people."),
    code: AnyErrorCode.describe("One of the error codes."),
  })
  .describe("The token was refused. The socket is closed.");
const AuthExpiringFrame = z
  .object({
    type: z.literal("auth_expiring"),
    expires_in_ms: z.number().describe("How long the token is still valid."),
  })
  .describe("The token runs out soon: send `auth` with a new one on the same socket.");
export const AcceptedFrame = z
  .object({
    type: z.literal("accepted"),
    ...actedFor,
    id: z.string().describe("The client's own id of the message."),
    conversation_id: ConversationId,
    turn_id: TurnId,
    message_id: z.string().describe("As in the transcript."),
    position: z.number().int().describe("Turns of the conversation that run before this one. 0: none."),
    posted: z
      .literal(true)
      .optional()
      .describe("It asks no agent: the event `post` has told it, or does so next. No turn runs, and none ends."),
  })
  .describe("The message is stored; from now on its turn gets an end. Comes before the events of the turn.");
export type AcceptedFrame = z.infer<typeof AcceptedFrame>;
export const SubscribedFrame = z
  .object({
    type: z.literal("subscribed"),
    ...actedFor,
    conversation_id: ConversationId,
    mode: openEnum(["live", "replay", "snapshot"]).describe(
      "Nothing is missing; the missing events follow; or they follow folded into snapshots.",
    ),
    seq: z
      .number()
      .describe(
        "What the client has, as far as the server knows: frames follow from this cursor. 0, or below the `after` that was asked with: begin the view anew.",
      ),
  })
  .describe("Answers `subscribe`, before any frame of the conversation.");
export type SubscribedFrame = z.infer<typeof SubscribedFrame>;
export const ToolCallState = ToolCall.extend(FinishedToolCall.partial().shape)
  .extend({
    ...ToolCall.shape,
    approval: ApprovalState.optional().describe("A person has to agree, or had to."),
  })
  .describe("A tool call of a turn that has not ended. Without `status` it still runs.");
export type ToolCallState = z.infer<typeof ToolCallState>;
export const SnapshotFrame = z
  .object({
    type: z.literal("snapshot"),
    conversation_id: ConversationId,
    seq: z.number().describe("Cursor: the snapshot contains everything up to it."),
    messages: z
      .array(TranscriptMessage)
      .optional()
      .describe("The transcript's tail, oldest first. Absent: the viewer has it."),
    title: z
      .string()
      .optional()
      .describe("The title of the conversation. Absent: it has none, or none that the viewer lacks."),
    handover: Handover.optional().describe(
      "Whether a person answers in place of the agent, or did. Absent beside `messages`: nobody was asked for in these.",
    ),
    room: Room.optional().describe(
      "Who has a part in the conversation. Absent beside `messages`: the reader alone has, by no rules.",
    ),
    changes: z
      .array(MessageChanges)
      .optional()
      .describe("What became of messages after they were written. Absent beside `messages`: nothing, of these."),
    reads: z.array(ReadMark).optional().describe("How far members have read. Absent beside `messages`: nobody said."),
    queue: z
      .array(WaitingTurn)
      .optional()
      .describe("What waits, as in the frame `queue`. Absent beside `messages`: nothing does."),
    turn_id: TurnId.optional().describe("A turn that had not ended then: replace all that you have of it."),
    attempt: z.number().optional().describe("Of that turn."),
    author: Author.optional().describe("Who answers it, as the room calls it. Absent: the assistant."),
    text: z.string().optional().describe("Its answer so far."),
    tool_calls: z.array(ToolCallState).optional().describe("Its calls so far; finished ones with status and result."),
    parts: z
      .array(Part)
      .optional()
      .describe("Text and calls, and what else there is, in the order in which they came."),
    status: openEnum(["idle", "queued", "running", "waiting"]).describe(
      "Of that turn; `idle`: there is none; `waiting`: for a person.",
    ),
    ts: z.number().describe("When it was made, ms since 1970."),
  })
  .describe(
    "Stands for all events up to its cursor. Sent to who comes without a cursor, with an old one, or was too slow.",
  );
export type SnapshotFrame = z.infer<typeof SnapshotFrame>;
export const WaitingFrame = z
  .object({
    type: z.literal("queue"),
    conversation_id: ConversationId,
    turns: z.array(WaitingTurn).describe("In the order in which they will run. Empty: nothing waits any more."),
  })
  .describe("What waits in a conversation, each time that it changes. It has no `seq`: it says how things stand.");
export type WaitingFrame = z.infer<typeof WaitingFrame>;
export const DecisionFrame = z
  .object({
    type: z.literal("decision"),
    ...actedFor,
    conversation_id: ConversationId,
    turn_id: TurnId,
    call_id: CallId.describe("The frame's."),
    ...ApprovalDecision.shape,
  })
  .describe(
    "Answers `approve`, to who sent it alone: the decision counts, which may be an earlier one that was the same, also of a turn that has ended. It has no `seq`.",
  );
export type DecisionFrame = z.infer<typeof DecisionFrame>;
export const FeedbackStoredFrame = z
  .object({
    type: z.literal("feedback"),
    ...actedFor,
    id: z.string().optional().describe("The frame's, if it had one."),
    conversation_id: ConversationId,
    message_id: MessageId,
    rating: Rating.nullable().describe("What counts now; null: nothing."),
    comment: z.string().optional().describe("As it is kept."),
  })
  .describe("Answers `feedback`, to who sent it alone. It has no `seq`.");
export type FeedbackStoredFrame = z.infer<typeof FeedbackStoredFrame>;
const GoingAwayFrame = z
  .object({
    type: z.literal("going_away"),
    reconnect_after_ms: z.number().describe("Reconnect after so long; drawn for each connection."),
  })
  .describe("The server stops, and closes the socket.");
const PongFrame = z
  .object({ type: z.literal("pong"), ts: z.number().describe("The server's clock, ms since 1970.") })
  .describe("Answers `ping`.");
export const FrameError = z
  .object({
    type: z.literal("error"),
    error: z.string().describe("A sentence for people."),
    code: AnyErrorCode.describe("One of the error codes."),
    retryable: z.boolean().describe("Whether the same frame may succeed later."),
    retry_after_ms: z.number().optional().describe("When to try again, if that is known."),
    frame: z.string().optional().describe("The type of the frame, if that could be read: `subscribe`, `cancel`, …"),
    id: z.string().optional().describe("The frame's, if it had one that could be read."),
    conversation_id: ConversationId.optional().describe("The frame's, if it had one that could be read."),
    call_id: CallId.optional().describe("The same, of an `approve`."),
    ...actedFor,
  })
  .describe(
    "A frame was refused. It has no `turn_id`: an `error` that has one ends that turn. With `NOT_FOUND`, the `frame` `delete` and " +
      "no `id` it answers nothing: the conversation was deleted, and whoever looks at it should drop what they have of it. So give a `delete` an `id`.",
  );
export type FrameError = z.infer<typeof FrameError>;

/** Frames that belong to the connection, not to the log. */
export const ConnectionFrame = z.union([
  WelcomeFrame,
  AuthSuccessFrame,
  AuthErrorFrame,
  AuthExpiringFrame,
  AcceptedFrame,
  SubscribedFrame,
  SnapshotFrame,
  WaitingFrame,
  DecisionFrame,
  FeedbackStoredFrame,
  TypingFrame,
  PresenceFrame,
  ReadFrame,
  UsageFrame,
  FileProgressFrame,
  FileStoredFrame,
  GoingAwayFrame,
  PongFrame,
  FrameError,
]);
export type ConnectionFrame = z.infer<typeof ConnectionFrame>;

const seq = { seq: z.number().int().positive().describe("The event's place in the conversation, and the cursor.") };

/** Events as viewers get them. */
export const EventFrame = z.discriminatedUnion("type", [
  MessageEvent.extend(seq),
  ThinkingEvent.extend(seq),
  ProgressEvent.extend(seq),
  TokenEvent.extend(seq),
  ReasoningEvent.extend(seq),
  ToolCallStartEvent.extend(seq),
  ToolCallProgressEvent.extend(seq),
  ToolCallEndEvent.extend(seq),
  TurnRestartedEvent.extend(seq),
  WaitingEvent.extend(seq),
  ApprovalRequiredEvent.extend(seq),
  ApprovalDecidedEvent.extend(seq),
  CompleteEvent.extend(seq),
  CancelledEvent.extend(seq),
  ErrorEvent.extend(seq),
]);
export type EventFrame = z.infer<typeof EventFrame>;

/** Events of the conversation that belong to no turn. */
export const ConversationEventFrame = z.discriminatedUnion("type", [
  TitleEvent.extend(seq),
  HandoverEvent.extend(seq),
  MemberEvent.extend(seq),
  PinEvent.extend(seq),
  PostEvent.extend(seq),
  MessageEditedEvent.extend(seq),
  MessageDeletedEvent.extend(seq),
  ReactionEvent.extend(seq),
]);
export type ConversationEventFrame = z.infer<typeof ConversationEventFrame>;

export const ServerFrame = z.union([EventFrame, ConversationEventFrame, ConnectionFrame]);
export type ServerFrame = z.infer<typeof ServerFrame>;
