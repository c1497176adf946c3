import { createHash } from "node:crypto";
import { ConversationId, TurnId, type Caller } from "@parley/protocol";

/** How requests of OpenAI's clients name conversations, messages and turns. */

/** Headers that a request is read for, in small letters. */
export const namingHeaders = [
  "x-parley-conversation",
  "x-parley-cancel-on-disconnect",
  "x-openwebui-chat-id",
  "x-openwebui-message-id",
  "x-openwebui-user-id",
  "x-openwebui-task",
  "x-stainless-retry-count",
] as const;

export type NamingHeader = (typeof namingHeaders)[number];
export type ReadHeader = (name: NamingHeader) => string;

const idStart = "chatcmpl-";

/** The `id` of an answer: the same in all its chunks, and whenever it is asked for again. */
export function completionIdOf(turn: TurnId): string {
  return `${idStart}${turn}`;
}

/** Undefined: it is no id of an answer. */
export function turnOfCompletion(id: string): TurnId | undefined {
  return id.startsWith(idStart) ? TurnId.safeParse(id.slice(idStart.length)).data : undefined;
}

const mostNameChars = 256;

/**
 * The conversation that a request names; undefined: none, so its messages are all there is of it. A title prompt of Open WebUI comes with the chat that it is
 * about, and belongs to none; nor do its temporary chats, of which several in one browser tab have one name (`local:…`).
 */
export function namedConversation(
  header: ReadHeader,
  { named, isTask }: { readonly named: string | undefined; readonly isTask: boolean },
): string | undefined {
  const own = filled(header("x-parley-conversation")) ?? filled(named ?? "");
  if (own !== undefined) return own.slice(0, mostNameChars);
  const chat = filled(header("x-openwebui-chat-id"));
  if (isTask || chat === undefined || chat.startsWith("local")) return undefined;
  return chat.slice(0, mostNameChars);
}

/** A header as a person may have written it into a form; one of which the client has not filled in the name (`{{CHAT_ID}}`) says nothing. */
export function filled(value: string): string | undefined {
  const text = value.trim();
  return text === "" || /^\{\{.*\}\}$/.test(text) ? undefined : text;
}

/** Of what is asked and by whom, with all that tells one request from another. */
export function requestDigest({ user, tenant }: Caller, parts: readonly unknown[]): string {
  return createHash("sha256")
    .update(JSON.stringify([user.id, tenant ?? "", ...parts]))
    .digest("base64url");
}

/** The conversation of a request that names none: the same for whoever sends the same message again. */
export function conversationOfRequest({ user, tenant }: Caller, id: string): ConversationId {
  const digest = createHash("sha256")
    .update(JSON.stringify(["chat completion", user.id, tenant ?? "", id]))
    .digest("base64url");
  return `c_${digest.slice(0, 22)}`;
}
