import { z } from "zod";
import { CallId, ConversationId, TurnId } from "./ids.ts";
import { Person } from "./room.ts";

/** What somebody who is away is told by the deployment's own service (docs/notices.md). It has no text of a message. */
export const Notice = z.object({
  type: z.enum(["mention", "reply", "waiting"]),
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
  /** When it was written, ms since 1970. */
  at: z.number(),
});
export type Notice = z.infer<typeof Notice>;

/** A notice as work: BullMQ job id = the id under which it is sent. `turn_id`: of the call. */
export const NoticeJob = z.object({ v: z.number().int(), notice: Notice, turn_id: TurnId.optional() });
export type NoticeJob = z.infer<typeof NoticeJob>;
