import { createHash, randomBytes } from "node:crypto";
import { conversationOfSession, type IsOwn } from "@parley/dialects";
import { ChatError, ConversationId, EventFrame, OnBusy, ServerFrame, type Caller } from "@parley/protocol";
import { newConversationId } from "@parley/protocol/turn-id";
import { z } from "zod";
import { ChatAnswer, SeedAnswer, chatAnswerOf, seedAnswerOf } from "./answers.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpTurns, Question } from "./http-turns.ts";
import { jsonReply } from "./reply.ts";
import { keyOf, MessageId, Knowing, knowsUnknownStatus, answerReply } from "./request-fields.ts";
import { defineRoute, given, nothing, type Route } from "./route.ts";

export interface ChatRouteDeps {
  readonly turns: HttpTurns;
  readonly isOwn: IsOwn;
}

const ChatRequest = z.object({
  message: z.string().describe("At most 32 KB."),
  conversation_id: ConversationId.nullish().describe("Absent: a new one is made."),
  session_id: z
    .string()
    .min(1)
    .max(256)
    .nullish()
    .describe("The caller's own name of the conversation. Beside `conversation_id` it does not count."),
  customer_id: z.string().max(128).nullish(),
  id: MessageId.nullish().describe("As the header Idempotency-Key."),
  agent: z.string().max(64).nullish(),
  model: z.string().max(128).nullish(),
  on_busy: OnBusy.nullish(),
});
type ChatRequest = z.infer<typeof ChatRequest>;

const SeedRequest = z.object({ message: z.string(), conversation_id: ConversationId.nullish() });

export function createChatRoutes({ turns, isOwn }: ChatRouteDeps): Route[] {
  const chat = defineRoute({
    method: "post",
    path: "/api/v1/chat",
    summary: "Send a message and get the whole answer, or with `Accept: text/event-stream` its events.",
    access: "user",
    headers: {
      "Idempotency-Key": "The same key is the same message: it is submitted once, and answered each time.",
      traceparent: "The trace (W3C) that the turn goes on with.",
      "Last-Event-ID": "Goes on after this event of a stream; needs the key and the conversation of the first request.",
    },
    params: nothing,
    query: Knowing,
    body: ChatRequest,
    responses: {
      200: { description: "The answer.", content: ChatAnswer, events: ServerFrame },
      204: { description: "The stream that was to go on has ended, and nothing is missing." },
    },
    async handle(call, { query, body }) {
      const { caller, exchange } = call;
      const isKnowing = knowsUnknownStatus(query);
      const question = await questionOf(isOwn, caller, body, keyOf(exchange) ?? body.id ?? undefined);
      if (acceptsEvents(exchange)) return turns.stream(call, question, { after: cursorOf(exchange), isKnowing });
      const session = body.session_id ?? undefined;
      return turns.answer(call, question, (end, parts) => answerReply(chatAnswerOf(end, parts, session), isKnowing));
    },
  });

  const seedChat = defineRoute({
    method: "post",
    path: "/api/chat/message",
    summary: "The same for clients that know only this.",
    access: "user or developer",
    params: nothing,
    query: nothing,
    body: SeedRequest,
    responses: { 200: { description: "The answer.", content: SeedAnswer } },
    async handle(call, { body }) {
      const question = await questionOf(isOwn, call.caller, body, keyOf(call.exchange));
      return turns.answer(call, question, (end) => jsonReply(200, seedAnswerOf(end)));
    },
  });
  return [chat, seedChat];
}

function acceptsEvents({ header }: Exchange): boolean {
  return header("accept").toLowerCase().includes("text/event-stream");
}

function cursorOf({ header }: Exchange): number | undefined {
  const text = header("last-event-id").trim();
  if (text === "") return undefined;
  const cursor = EventFrame.options[0].shape.seq.safeParse(Number(text));
  if (!cursor.success) throw new ChatError("INVALID_FRAME", { message: "Last-Event-ID is not an event of ours." });
  return cursor.data;
}

async function questionOf(
  isOwn: IsOwn,
  caller: Caller,
  body: Partial<ChatRequest> & { readonly message: string },
  key: string | undefined,
): Promise<Question> {
  return {
    type: "message",
    id: key ?? randomBytes(12).toString("base64url"),
    message: body.message,
    conversation_id: await conversationOf(isOwn, caller, body, key),
    on_busy: body.on_busy ?? "enqueue",
    ...given("customer_id", body.customer_id),
    ...given("agent", body.agent),
    ...given("model", body.model),
  };
}

async function conversationOf(
  isOwn: IsOwn,
  caller: Caller,
  { conversation_id, session_id }: Partial<ChatRequest>,
  key: string | undefined,
): Promise<ConversationId> {
  if (conversation_id !== null && conversation_id !== undefined) return conversation_id;
  if (session_id !== null && session_id !== undefined) return conversationOfSession(isOwn, caller, session_id);
  return key === undefined ? newConversationId() : conversationOfKey(caller, key);
}

/** A new conversation that a repeated request finds again; else each repetition would begin another one. */
function conversationOfKey({ user, tenant }: Caller, key: string): ConversationId {
  const digest = createHash("sha256")
    .update(JSON.stringify(["idempotency key", user.id, key, ...(tenant === undefined ? [] : [tenant])]))
    .digest("base64url");
  return `c_${digest.slice(0, 22)}`;
}
