import { z } from "zod";
import { CallId, ConversationId, TurnId } from "./ids.ts";
import { Person } from "./room.ts";

/** What somebody who is away is told by the deployment's own service (docs/notices.md). */
export const Notice = z.object({
  /** `message`: it addresses nobody, and its reader wants to be told of all. */
  type: z.enum(["mention", "reply", "waiting", "message"]),
  /** Who is to be told. */
  user_id: z.string(),
  tenant: z.string().optional(),
  conversation_id: ConversationId,
  /** The message that addresses them. */
  message_id: z.string().optional(),
  /** The call that waits for them. */
  call_id: CallId.optional(),
  /** Of the conversation, where it has one. */
  title: z.string().optional(),
  /** Who wrote. */
  by: Person.optional(),
  /** The beginning of the message, where the operator wants that to be told. */
  text: z.string().optional(),
  /** When it was written, ms since 1970. */
  at: z.number(),
});
export type Notice = z.infer<typeof Notice>;

/** A notice as work: BullMQ job id = the id under which it is sent. `turn_id`: of the call. `device`: to which alone it goes, in the queue of those. */
export const NoticeJob = z.object({
  v: z.number().int(),
  notice: Notice,
  turn_id: TurnId.optional(),
  device: z.string().optional(),
});
export type NoticeJob = z.infer<typeof NoticeJob>;
