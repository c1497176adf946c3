import { z } from "zod";
import { addressFields } from "./address-fields.ts";
import { branchFields } from "./branch-fields.ts";
import { CallerRights } from "./caller.ts";
import type { MessageEvent } from "./events.ts";
import type { Author } from "./author.ts";
import { fieldsOf } from "./fields.ts";
import { GivenContext } from "./given-context.ts";
import { User } from "./server-frames.ts";
import { ConversationId, TurnId } from "./ids.ts";
import { messageFiles } from "./message-files.ts";
import { openEnum } from "./open-enum.ts";
import { traceParent } from "./trace.ts";

/** The message of `TURNS`: all an agent worker needs to run the turn, whichever worker it is. */
export const TurnRequest = z.object({
  v: z.number().int(),
  turn_id: TurnId,
  conversation_id: ConversationId,
  user: User,
  /** What the sender is beside its name. Absent: an older edge accepted it. */
  caller: CallerRights.optional(),
  /** The client's own id of the message. */
  id: z.string(),
  message_id: z.string(),
  message: z.string(),
  /** They are attached to the conversation. A worker of an older version does not see them. */
  ...messageFiles,
  agent: z.string().optional(),
  model: z.string().optional(),
  customer_id: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** Absent: it goes behind the turn before it. A worker of an older version does not see them. */
  ...branchFields,
  /** Comes with messages of protocols that are not ours. A worker of an older version does not see it. */
  given: GivenContext.optional(),
  /** `ask`: the sender asks for a person. `answer`: the sender is the person who answers in place of the agent. No model is asked. */
  handover: openEnum(["ask", "answer"]).optional(),
  /** The conversation has people's messages, changed messages, or more than one who writes: whoever answers reads who said what. A worker of an older version does not see it. */
  room: z.boolean().optional(),
  /** Of a message in a room. */
  ...addressFields,
  /** It is not among the turns that are counted as its user's: no limit applies to where it came from. */
  uncounted: z.boolean().optional(),
  /** When the edge accepted it, by the edge's clock. */
  accepted_at: z.number(),
  trace: traceParent(),
});
export type TurnRequest = z.infer<typeof TurnRequest>;

/** The user's message as an event. Edge and worker both write it; whoever is first wins, and both write the same. */
export function messageEventOf(request: TurnRequest): MessageEvent {
  const { conversation_id, turn_id, accepted_at: ts, message_id, id, message } = request;
  const place = fieldsOf(request, ["files", "parent", "supersedes", "reply_to", "mentions"]);
  const author = authorOf(request);
  return { type: "message", conversation_id, turn_id, ts, message_id, id, author, message, ...place };
}

/** Who wrote it. */
export function authorOf({ user, handover }: Pick<TurnRequest, "user" | "handover">): Author {
  const role = handover === "answer" ? "operator" : "user";
  return { role, id: user.id, ...(user.name === undefined ? {} : { name: user.name }) };
}
