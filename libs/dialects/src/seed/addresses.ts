import { createHash } from "node:crypto";
import { ConversationId, type Caller } from "@parley/protocol";

/** Whether the conversation exists and is the caller's. */
export type IsOwn = (conversation: ConversationId, caller: Caller) => Promise<boolean>;

const idLength = 22;

/**
 * The conversation of a user's session. Clients of the seeds choose names that others choose too (`python-session-1`), and any text, so a
 * name belongs to its user: the same user and name are the same conversation again, from any device and process.
 */
export function sessionConversation(userId: string, session: string, tenant?: string): ConversationId {
  const key = JSON.stringify(["session", userId, session, ...(tenant === undefined ? [] : [tenant])]);
  return `s_${createHash("sha256").update(key).digest("base64url").slice(0, idLength)}`;
}

/** What a client of a seed means by a session id: a conversation of its user's by its own id, else the user's session of that name. */
export async function conversationOfSession(isOwn: IsOwn, caller: Caller, session: string): Promise<ConversationId> {
  const id = ConversationId.safeParse(session);
  if (id.success && (await isOwn(id.data, caller))) return id.data;
  return sessionConversation(caller.user.id, session, caller.tenant);
}
