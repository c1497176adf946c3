import {
  ApproveFrame,
  CallId,
  ChatError,
  isDeeperThan,
  problemOf,
  turnOfCall,
  type Caller,
  type ConversationId,
  type TurnId,
} from "@parley/protocol";
import { z } from "zod";
import { fileOfUrl, type GivenFile } from "../given-file.ts";

/** The major version of the package `ai` whose chunks a client reads: it says so nowhere by itself. */
export const AiSdkVersion = z.enum(["5", "6", "7"]).transform((text) => (text === "5" ? 5 : text === "6" ? 6 : 7));
export type AiSdkVersion = z.output<typeof AiSdkVersion>;

/** Histories come along with each message and are not read: of them only the last message counts. */
const maxMessages = 10_000;
const maxParts = 1_000;
/** Inputs of tools in the history are as deep as a model likes. */
export const maxDepth = 64;
/** As many calls as one message may decide on. */
const maxDecisions = 64;

/** The client's own name of a chat. */
export const ChatName = z.string().min(1).max(256);

/** What a chat sends: `body` of the transport stands beside these fields. */
export const ChatBody = z.object({
  id: ChatName.describe("The chat."),
  messages: z.array(z.unknown()).min(1).max(maxMessages).describe("The history, of which the last message counts."),
  trigger: z.enum(["submit-message", "regenerate-message"]).nullish(),
  messageId: z.string().max(256).nullish(),
  agent: z.string().max(64).nullish(),
  model: z.string().max(128).nullish(),
  confirm: ApproveFrame.shape.confirm.nullish().describe("What has to be typed to agree to a call, where that is so."),
});
export type ChatBody = z.infer<typeof ChatBody>;

const LastMessage = z.object({
  id: z.string().min(1).max(128),
  role: z.string(),
  parts: z.array(z.looseObject({ type: z.string() })).max(maxParts),
});
type LastMessage = z.infer<typeof LastMessage>;

const TextPart = z.object({ type: z.literal("text"), text: z.string() });

const DecidedPart = z.object({
  toolCallId: CallId,
  state: z.literal("approval-responded"),
  approval: z.object({ approved: z.boolean(), reason: ApproveFrame.shape.reason.nullish() }),
});

/** A person's word on one call. */
export interface Decision extends Pick<ApproveFrame, "call_id" | "approved" | "reason" | "confirm"> {}

/** A user's message under its client's own id. */
export interface NamedMessage {
  readonly type: "message";
  readonly id: string;
  readonly message: string;
  readonly files?: readonly GivenFile[];
  /** It takes the place of the one that was sent under this id: its answer is to be given once more, or its text may be another one now. */
  readonly renewed?: "always" | "if changed";
}

/** Finds out in whose place a message is asked. Undefined: it is new, or comes once more as it was. */
export type Renew = (
  caller: Caller,
  conversation: ConversationId,
  message: NamedMessage,
) => Promise<{ readonly id: string; readonly supersedes: TurnId } | undefined>;

export type AskedOfChat =
  | NamedMessage
  /** The answer of this turn is to go on with these words; of one turn all. */
  | { readonly type: "decisions"; readonly turn: TurnId; readonly decisions: readonly Decision[] };

function wrong(message: string): ChatError {
  return new ChatError("INVALID_FRAME", { message });
}

/** What is new in a chat: the user's last message, or words on calls. Throws ChatError INVALID_FRAME, CONFLICT or UNSUPPORTED. */
export function decodeChat(body: ChatBody): AskedOfChat {
  if (isDeeperThan(body, maxDepth))
    throw wrong(`The request is not valid: it is nested deeper than ${maxDepth} levels.`);
  const last = lastOf(body.messages);
  const isAgain = body.trigger === "regenerate-message";
  if (isAgain && last.role !== "user") throw wrong("An answer is made again where its question is the last message.");
  if (last.role === "assistant") return decisionsIn(last, body);
  if (last.role !== "user") throw wrong("The last message must be the user's.");
  // A page that changes a message names it, and keeps its id.
  const renewed = isAgain ? "always" : "if changed";
  const isRenewed = isAgain || body.messageId === last.id;
  const files = last.parts.filter(({ type }) => type === "file").map(fileOfPart);
  const message = last.parts
    .filter(({ type }) => type !== "file")
    .map(textOf)
    .join("\n");
  const said = { type: "message", id: last.id, message, ...(files.length === 0 ? {} : { files }) } as const;
  return isRenewed ? { ...said, renewed } : said;
}

function lastOf(messages: readonly unknown[]): LastMessage {
  const value = messages.at(-1);
  const parsed = LastMessage.safeParse(value);
  if (parsed.success) return parsed.data;
  throw wrong(`The request is not valid: ${problemOf(parsed.error, value, "the last message")}.`);
}

function textOf(part: { readonly type: string }): string {
  const text = TextPart.safeParse(part);
  if (text.success) return text.data.text;
  throw new ChatError("UNSUPPORTED", {
    message: `A message is made of text and files; it cannot have a part "${part.type.slice(0, 64)}".`,
  });
}

/** `FileUIPart` of the package, in all its majors. */
const FilePart = z.object({
  url: z.string().min(1),
  mediaType: z.string().max(127).nullish(),
  filename: z.string().max(1_024).nullish(),
});

function fileOfPart(part: { readonly type: string }): GivenFile {
  const parsed = FilePart.safeParse(part);
  if (!parsed.success) throw wrong(`The request is not valid: ${problemOf(parsed.error, part, "a file")}.`);
  const { url, mediaType, filename: name } = parsed.data;
  return fileOfUrl(url, { mediaType, name });
}

function decisionsIn({ parts }: LastMessage, { confirm }: ChatBody): AskedOfChat {
  const decided = parts.flatMap((part) => {
    if (part["state"] !== "approval-responded") return [];
    const parsed = DecidedPart.safeParse(part);
    if (!parsed.success) throw wrong(`The request is not valid: ${problemOf(parsed.error, part, "a decision")}.`);
    return [parsed.data];
  });
  if (decided.length === 0)
    throw wrong("The last message is an answer in which nothing was decided: send a message of the user's.");
  if (decided.length > maxDecisions) throw wrong(`One message decides on at most ${maxDecisions} calls.`);
  const [turn, ...others] = new Set(decided.map(({ toolCallId }) => turnOfCall(toolCallId)));
  if (turn === undefined || others.length > 0)
    throw new ChatError("NOT_FOUND", { message: "No such call waits for a decision, or not any more." });
  return { type: "decisions", turn, decisions: decided.map((part) => decisionOf(part, confirm ?? undefined)) };
}

function decisionOf({ toolCallId, approval }: z.infer<typeof DecidedPart>, confirm: string | undefined): Decision {
  const { approved, reason } = approval;
  return {
    call_id: toolCallId,
    approved,
    ...(reason === null || reason === undefined || reason === "" ? {} : { reason }),
    ...(approved && confirm !== undefined ? { confirm } : {}),
  };
}
