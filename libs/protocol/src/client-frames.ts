import { z } from "zod";
import { Parent } from "./branch-fields.ts";
import { FormContent } from "./approval-form.ts";
import { MessageId, Rating } from "./feedback.ts";
import { CallId, ConversationId, TurnId, wishId } from "./ids.ts";
import { limits } from "./limits.ts";
import { SaidParts } from "./message-files.ts";
import { acting } from "./on-behalf-of.ts";
import { DeleteFrame, EditFrame, PinFrame, ReactFrame, ReadSignalFrame, TypingSignalFrame } from "./room-frames.ts";
import { titleLine } from "./title-line.ts";

/**
 * What a client may send in the native dialect. Unknown fields are ignored: a newer client still works. The descriptions are the protocol's
 * page: `npm run gen` after a change.
 */

export const OnBusy = z.enum(["enqueue", "reject", "interrupt"]);
export type OnBusy = z.infer<typeof OnBusy>;

/** What a client knows of what older ones do not. Names that the server does not know are passed over. */
const Knows = z.array(z.string().max(32)).max(16);

export const AuthFrame = z
  .object({
    type: z.literal("auth"),
    token: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Access token (JWT) or API key: at most `accessTokenChars`; a longer one is answered with `auth_error`. Absent: on a socket that a cookie, a header or a ticket has opened, which only says what its client knows.",
      ),
    knows: Knows.optional().describe(
      "What the client knows: `unknown`, the status of a tool call, which others are told as `failed`; `posts`, what people say to each other in rooms, and what is told of these; " +
        "`batches`: a message of the socket may be an array of frames, in their order, where several leave at the same moment (at most 16 KB; one alone comes as itself). At most 16 names of 32 characters; those that the server does not know are ignored. Absent: as before.",
    ),
  })
  .describe("Opens the connection. On an open one: replaces the token by a newer one of the same user.");

export const MessageFrame = z
  .object({
    type: z.literal("message"),
    ...acting,
    id: z
      .string()
      .min(1)
      .max(128)
      .describe(
        "The client's own id of the message. The same id in the same conversation is the same turn; with another text it is refused with `CONFLICT`.",
      ),
    message: z
      .string()
      .default("")
      .describe(
        "The text: at most `messageBytes` as UTF-8, however its JSON is written. It may be left out where `parts` say it, or have a file.",
      ),
    parts: SaidParts.optional().describe(
      "Text and files (`file_id`s of uploads of one's own, or of this conversation), at most `filesPerMessage` of these. Text in them is that of the message, which `message` need not say.",
    ),
    conversation_id: ConversationId.optional().describe("Absent: a new conversation is made; `accepted` names it."),
    agent: z.string().max(64).optional().describe("The agent that is to answer. Absent: the message is routed."),
    model: z
      .string()
      .max(128)
      .optional()
      .describe("The model that is to answer. Absent: the agent's or the provider's."),
    on_busy: OnBusy.default("enqueue").describe(
      "While an answer runs: wait behind it, refuse with `CONVERSATION_BUSY`, or cancel all that run or wait.",
    ),
    parent: Parent.optional().describe(
      "The turn behind which it is asked, so that the model knows what led to that one alone; null: nothing. Absent: the newest one.",
    ),
    supersedes: TurnId.optional().describe(
      "The turn in whose place it is asked, of a message of one's own: behind the same one, which `parent` need not say. That turn stays, as another branch. While it " +
        "has not ended it is refused with `CONFLICT`, but for `on_busy: interrupt`.",
    ),
    reply_to: MessageId.optional().describe(
      "The message it replies to. A reply to what an agent said addresses that agent.",
    ),
    mentions: z
      .array(z.string().max(256))
      .max(limits.mentions)
      .optional()
      .describe("The users whom it addresses: who is not there gets a notice, where notices are sent."),
    customer_id: z
      .string()
      .max(128)
      .optional()
      .describe("For whom the turn is: what is remembered of the user is kept for each customer apart."),
    metadata: z
      .record(z.string(), z.unknown())
      .optional()
      .describe(
        "Anything of the client's, at most `metadataDepth` levels deep. Handed on with the turn; no agent reads it yet.",
      ),
  })
  .describe("Asks something. The connection looks at the conversation from then on.");
export type MessageFrame = z.infer<typeof MessageFrame>;

export const RegenerateFrame = z
  .object({
    type: z.literal("regenerate"),
    ...acting,
    id: MessageFrame.shape.id.describe("The client's own id of the new message, as that of `message`."),
    conversation_id: ConversationId,
    message_id: MessageId.describe("The answer that is to be given once more, or its question, as in the transcript."),
    agent: MessageFrame.shape.agent,
    model: MessageFrame.shape.model,
    on_busy: OnBusy.default("enqueue").describe(
      "As that of `message`. While the answer itself runs or waits it is refused with `CONFLICT`, but for `interrupt`, which stops it first.",
    ),
  })
  .describe(
    "Asks the question of an answer once more, of a message of one's own: a new turn with the same text and the same `parent`, which `supersedes` the earlier one. Answered as `message` is.",
  );
export type RegenerateFrame = z.infer<typeof RegenerateFrame>;

const wholeNumber = { error: "must be a whole number from 0" };

const SubscribeFrame = z
  .object({
    type: z.literal("subscribe"),
    ...acting,
    conversation_id: ConversationId,
    after: z
      .number(wholeNumber)
      .int(wholeNumber)
      .nonnegative(wholeNumber)
      .optional()
      .describe(
        "Cursor: `seq` of the last frame the client has. Absent: a snapshot of what is there; above everything that is stored: the same.",
      ),
  })
  .describe("Looks at a conversation in which one has a part. Looking at it already: begins anew from the cursor.");

const UnsubscribeFrame = z
  .object({
    type: z.literal("unsubscribe"),
    ...acting,
    conversation_id: ConversationId,
  })
  .describe("Looks at the conversation no more. Cancels nothing. Not answered.");
export const CancelFrame = z
  .object({
    type: z.literal("cancel"),
    ...acting,
    conversation_id: ConversationId,
    turn_id: TurnId.optional().describe("Absent: the turn that runs."),
  })
  .describe(
    "Stops a turn that runs or waits. The answer is the turn's own end, or `NOT_FOUND` when no such turn runs.",
  );
export type CancelFrame = z.infer<typeof CancelFrame>;
export const ApproveFrame = z
  .object({
    type: z.literal("approve"),
    ...acting,
    conversation_id: ConversationId,
    call_id: CallId.describe("The tool call that asks."),
    approved: z.boolean().describe("Whether the call may run."),
    reason: z.string().max(500).optional().describe("Why, in the words of whoever decided."),
    confirm: z
      .string()
      .max(limits.approvalConfirmChars)
      .optional()
      .describe("What `approval_required` wants to be typed, where it wants that."),
    like_ms: z
      .number()
      .int()
      .positive()
      .optional()
      .describe(
        "Agree to calls like this one as well, for so long: at most what `approval_required` offers as `like_ms`.",
      ),
    content: FormContent.optional(),
  })
  .describe(
    "Decides on a call that waits for a person. It is always answered: with `decision` when it counts, or counted before, with `CONFLICT` when it was decided " +
      "otherwise before, `APPROVAL_EXPIRED` when the time was over, `NOT_FOUND` when no such call waits, or not any more. All who look get `approval_decided`.",
  );
export type ApproveFrame = z.infer<typeof ApproveFrame>;
export const TitleFrame = z
  .object({
    type: z.literal("title"),
    ...acting,
    id: wishId,
    conversation_id: ConversationId,
    title: z
      .string()
      .overwrite(titleLine)
      .min(1)
      .max(limits.titleChars)
      .describe(
        "The title: 1 to `titleChars` characters (code points) without white space around it. It is kept in one line; control characters are white space.",
      ),
  })
  .describe(
    "Gives a conversation of one's own a title. Whoever looks at it gets the event `title`, which is the answer; `NOT_FOUND` where nothing was said.",
  );
export type TitleFrame = z.infer<typeof TitleFrame>;
export const QueueFrame = z
  .object({
    type: z.literal("queue"),
    ...acting,
    id: wishId,
    conversation_id: ConversationId,
    turn_id: TurnId.describe("A turn that waits behind another one, of a message of one's own."),
    message: z
      .string()
      .optional()
      .describe(
        "The text that is to be answered instead: at most `messageBytes` as UTF-8, however its JSON is written.",
      ),
    remove: z.literal(true).optional().describe("Instead of `message`: takes the message back."),
  })
  .describe(
    "Changes a message that waits, or takes it back. The answer is the `message` with its new text, or the end of the turn; `CONFLICT` where the turn has begun, as the first of the queue always has.",
  );
export type QueueFrame = z.infer<typeof QueueFrame>;
export const HandoverFrame = z
  .object({
    type: z.literal("handover"),
    ...acting,
    id: z.string().min(1).max(128).describe("The client's own id of it, as of a `message`."),
    conversation_id: ConversationId,
    reason: z
      .string()
      .trim()
      .max(limits.handoverReasonChars)
      .optional()
      .describe("What it is about, at most `handoverReasonChars` characters."),
    end: z.literal(true).optional().describe("Instead: the agent is to answer again."),
  })
  .describe(
    "Asks for a person to answer in place of the agent in a conversation in which one may write; answered as a `message`, by `accepted` and a turn. With `end` it is answered by the event `handover`.",
  );
export type HandoverFrame = z.infer<typeof HandoverFrame>;
export const FeedbackFrame = z
  .object({
    type: z.literal("feedback"),
    ...acting,
    id: wishId,
    conversation_id: ConversationId,
    message_id: MessageId,
    rating: Rating.nullable().describe("Whether the answer was good; null takes back what was said."),
    comment: z
      .string()
      .optional()
      .describe(
        "Why: at most `feedbackCommentBytes` as UTF-8. Absent: there is none, also where there was one before. Of none with `rating` null.",
      ),
  })
  .describe(
    "Says what one thinks of an answer that has ended, in a conversation in which one has a part. The last one of each user counts. Answered by `feedback`, to who sent it alone; `NOT_FOUND` where there is no such answer.",
  );
export type FeedbackFrame = z.infer<typeof FeedbackFrame>;
const PingFrame = z
  .object({ type: z.literal("ping") })
  .describe("Answered by `pong`. Send one after `heartbeat_ms` of silence: browsers cannot see protocol pings.");

export const ClientFrame = z.discriminatedUnion("type", [
  AuthFrame,
  MessageFrame,
  RegenerateFrame,
  SubscribeFrame,
  UnsubscribeFrame,
  CancelFrame,
  ApproveFrame,
  TitleFrame,
  QueueFrame,
  HandoverFrame,
  FeedbackFrame,
  EditFrame,
  DeleteFrame,
  ReactFrame,
  PinFrame,
  TypingSignalFrame,
  ReadSignalFrame,
  PingFrame,
]);
export type ClientFrame = z.infer<typeof ClientFrame>;
/** A frame as a client writes it: what has a default may be left out. */
export type ClientFrameInput = z.input<typeof ClientFrame>;
