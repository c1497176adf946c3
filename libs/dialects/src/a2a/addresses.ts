import { ConversationId, TurnId, type Caller } from "@parley/protocol";
import { sessionConversation, conversationOfSession, type IsOwn } from "../seed/addresses.ts";
import type { TurnPlace } from "../turn-watch.ts";

/** How A2A names a turn: a context is a conversation, a task is a turn in it. */
export interface TaskPlace extends TurnPlace {
  /** What the client calls the context, where that is not the conversation's own id. */
  readonly context?: string | undefined;
}

/** A context that a client named itself: long enough for a URI. */
export const contextChars = 256;
/** Turn, conversation, and such a name, in UTF-8 and base64. */
export const taskIdChars = 64 + 1 + 128 + 1 + 4 * contextChars;

/** Opaque to clients. It has all that is needed to find the task again, at any edge. */
export function taskIdOf({ turn_id, conversation_id, context }: TaskPlace): string {
  const name = context === undefined ? "" : `.${Buffer.from(context).toString("base64url")}`;
  return `${turn_id}.${conversation_id}${name}`;
}

export function contextIdOf({ conversation_id, context }: TaskPlace): string {
  return context ?? conversation_id;
}

/** Undefined: it is none of ours, or names a context that is not this caller's. Whether there is such a task is not known by that. */
export function placeOfTask(caller: Caller, taskId: string): TaskPlace | undefined {
  const [turn = "", conversation = "", name, ...rest] = taskId.split(".");
  const ids = { turn: TurnId.safeParse(turn), conversation: ConversationId.safeParse(conversation) };
  if (rest.length > 0 || !ids.turn.success || !ids.conversation.success) return undefined;
  const place = { turn_id: ids.turn.data, conversation_id: ids.conversation.data };
  if (name === undefined) return place;
  const context = Buffer.from(name, "base64url").toString();
  const isCallers = sessionConversation(caller.user.id, context, caller.tenant) === place.conversation_id;
  return isCallers && taskIdOf({ ...place, context }) === taskId ? { ...place, context } : undefined;
}

/** The conversation that a client means by a context: one of its user's by its own id, else the one that the user calls so. */
export async function conversationOfContext(
  isOwn: IsOwn,
  caller: Caller,
  contextId: string,
): Promise<Pick<TaskPlace, "conversation_id" | "context">> {
  const conversation_id = await conversationOfSession(isOwn, caller, contextId);
  return conversation_id === contextId ? { conversation_id } : { conversation_id, context: contextId };
}

/** A message without a context begins one: the same message again, whichever edge it reaches, is the same task. */
export function conversationOfMessage({ user, tenant }: Caller, messageId: string): ConversationId {
  return sessionConversation(user.id, `a2a message ${messageId}`, tenant);
}
