import {
  type Caller,
  ChatError,
  decodeClientFrame,
  parseObject,
  problemOf,
  type ClientFrame,
  type ConversationId,
  type MessageFrame,
} from "@parley/protocol";
import { z } from "zod";
import { dialectOfFrame, type DialectName } from "../choice.ts";

/** Clients of the seeds write `null` or nothing at all for what they do not have. */
const optionalText = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .nullish()
    .transform((text) => (text === null || text === "" ? undefined : text));

const maxIdLength = 256;

/** A chat frame of the seeds. The text itself is checked as everybody's. */
const SeedMessage = z.object({
  message: z.string().nullish(),
  session_id: optionalText(maxIdLength),
  conversation_id: optionalText(maxIdLength),
  customer_id: optionalText(128),
});
export type SeedMessage = z.infer<typeof SeedMessage>;

export interface SeedMessageRules {
  /** How the dialect is called in the refusal of others. */
  readonly name: string;
  /** Frames of these dialects are taken. */
  readonly takes: readonly DialectName[];
  /** The conversation that the caller means, and the id to submit the message under. */
  submit(caller: Caller, message: SeedMessage): Promise<{ id: string; conversation: ConversationId }>;
}

/** Reads one frame of a client of a seed. Throws ChatError INVALID_FRAME or MESSAGE_TOO_LARGE. */
export async function decodeSeedFrame(
  { name, takes, submit }: SeedMessageRules,
  text: string,
  caller: Caller | undefined,
): Promise<ClientFrame> {
  const frame = parseObject(text);
  const dialect = dialectOfFrame(frame);
  // Without a type and a message it can only be a chat frame that lacks its text.
  if (dialect === undefined && frame["type"] !== undefined) return decodeClientFrame(text);
  if (dialect !== undefined && !takes.includes(dialect)) {
    const message = `This connection speaks ${name}; open another one to speak otherwise.`;
    throw new ChatError("INVALID_FRAME", { message });
  }
  if (caller === undefined) throw new ChatError("AUTH_REQUIRED");
  const parsed = SeedMessage.safeParse(frame);
  if (!parsed.success) {
    throw new ChatError("INVALID_FRAME", { message: `The frame is not valid: ${problemOf(parsed.error, frame)}.` });
  }
  return messageFrameOf(parsed.data, await submit(caller, parsed.data));
}

function messageFrameOf(
  { message, customer_id }: SeedMessage,
  { id, conversation }: { id: string; conversation: ConversationId },
): MessageFrame {
  return {
    type: "message",
    id,
    message: message ?? "",
    conversation_id: conversation,
    on_busy: "enqueue",
    ...(customer_id === undefined ? {} : { customer_id }),
  };
}
