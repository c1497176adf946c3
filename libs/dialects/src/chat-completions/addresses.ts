import { createHash } from "node:crypto";
import { type Caller, type ConversationId, type TurnId } from "@parley/protocol";
import { z } from "zod";
import type { CompletionRequest } from "./decode.ts";

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

/** The `id` of an answer: the same in all its chunks, and whenever it is asked for again. */
export function completionIdOf(turn: TurnId): string {
  return `chatcmpl-${turn}`;
}

const mostNameChars = 256;

/** The conversation that a request names; undefined: none, so its messages are all there is of it. */
export function namedConversation(header: ReadHeader, named: string | null | undefined): string | undefined {
  const chat = filled(header("x-openwebui-chat-id"));
  // Temporary chats are kept nowhere, and all of one browser tab have one name.
  const kept = chat?.startsWith("local") === true ? undefined : chat;
  return (filled(header("x-parley-conversation")) ?? filled(named ?? "") ?? kept)?.slice(0, mostNameChars);
}

/**
 * Open WebUI asks the same model for titles, tags and follow-up questions, in the name of the chat that they are for. Its header says so where it is configured to be
 * sent; else such a prompt is known by its form: one message, not streamed, that begins as the templates do (open-webui `config.py`, `*_PROMPT_TEMPLATE`).
 */
export function isTaskPrompt(header: ReadHeader, { messages, stream }: CompletionRequest): boolean {
  if (filled(header("x-openwebui-task")) !== undefined) return true;
  const isAlone = filled(header("x-openwebui-chat-id")) !== undefined && messages.length === 1 && stream !== true;
  return isAlone && TaskPrompt.safeParse(messages[0]).success;
}

const TaskPrompt = z.object({ role: z.literal("user"), content: z.string().regex(/^\s*### Task:/) });

/** A header as a person may have written it into a form; one of which the client has not filled in the name (`{{CHAT_ID}}`) says nothing. */
export function filled(value: string): string | undefined {
  const text = value.trim();
  return text === "" || /^\{\{.*\}\}$/.test(text) ? undefined : text;
}

/** Of what is asked and by whom, with all that tells one request from another. `body`: as it came. */
export function requestDigest({ user, tenant }: Caller, parts: readonly unknown[], body?: Uint8Array): string {
  const digest = createHash("sha256").update(JSON.stringify([user.id, tenant ?? "", ...parts]));
  if (body !== undefined) digest.update(body);
  return digest.digest("base64url");
}

/** The conversation of a request that names none: the same for whoever sends the same message again. */
export function conversationOfRequest({ user, tenant }: Caller, id: string): ConversationId {
  const digest = createHash("sha256")
    .update(JSON.stringify(["chat completion", user.id, tenant ?? "", id]))
    .digest("base64url");
  return `c_${digest.slice(0, 22)}`;
}
