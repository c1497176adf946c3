import { createHash, randomBytes } from "node:crypto";
import { conversationOfSession, type IsOwn } from "@parley/dialects";
import {
  ChatError,
  ConversationId,
  EventFrame,
  MessageFrame,
  OnBusy,
  RegenerateFrame,
  SaidParts,
  checkSaysSomething,
  ServerFrame,
  withSaidText,
  type Caller,
  type Parts,
} from "@parley/protocol";
import { newConversationId } from "@parley/protocol/turn-id";
import { z } from "zod";
import type { Commands } from "../commands/commands.ts";
import { ChatAnswer, SeedAnswer, chatAnswerOf, seedAnswerOf } from "./answers.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpTurns, Question } from "./http-turns.ts";
import { jsonReply, type Reply } from "./reply.ts";
import { keyOf, MessageId, Knowing, knowsUnknownStatus, answerReply } from "./request-fields.ts";
import { defineRoute, given, nothing, type Call, type Route } from "./route.ts";

export interface ChatRouteDeps {
  readonly turns: HttpTurns;
  readonly again: Commands["again"];
  readonly isOwn: IsOwn;
}

const answered = {
  200: { description: "The answer.", content: ChatAnswer, events: ServerFrame },
  204: { description: "The stream that was to go on has ended, and nothing is missing." },
};

const ChatRequest = z.object({
  message: z.string().optional().describe("At most 32 KB. It may be left out where `parts` say it, or have a file."),
  parts: SaidParts.nullish().describe("Text and files, as in the frame `message`."),
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
  parent: MessageFrame.shape.parent,
  supersedes: MessageFrame.shape.supersedes.unwrap().nullish().describe("As in the frame `message`."),
  reply_to: MessageFrame.shape.reply_to.unwrap().nullish().describe("As in the frame `message`."),
  mentions: MessageFrame.shape.mentions.unwrap().nullish().describe("As in the frame `message`."),
});
type ChatRequest = z.infer<typeof ChatRequest>;

const RegenerateRequest = ChatRequest.pick({ id: true, agent: true, model: true, on_busy: true }).extend({
  message_id: RegenerateFrame.shape.message_id,
});

const SeedRequest = z.object({ message: z.string(), conversation_id: ConversationId.nullish() });

const howToRepeat = {
  "Idempotency-Key": "The same key is the same message: it is submitted once, and answered each time.",
  traceparent: "The trace (W3C) that the turn goes on with.",
  "Last-Event-ID": "Goes on after this event of a stream; needs the key and the conversation of the first request.",
};

export function createChatRoutes(deps: ChatRouteDeps): Route[] {
  const { turns, isOwn } = deps;
  const chat = defineRoute({
    method: "post",
    path: "/api/v1/chat",
    summary: "Send a message and get the whole answer, or with `Accept: text/event-stream` its events.",
    access: "user",
    headers: howToRepeat,
    params: nothing,
    query: Knowing,
    body: ChatRequest,
    responses: answered,
    async handle(call, { query, body }) {
      const { caller, exchange } = call;
      const question = await questionOf(isOwn, caller, body, keyOf(exchange) ?? body.id ?? undefined);
      return answer(turns, call, question, { isKnowing: knowsUnknownStatus(query), session: body.session_id });
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
  return [chat, regenerateRoute(deps), seedChat];
}

function regenerateRoute({ turns, again }: ChatRouteDeps): Route {
  return defineRoute({
    method: "post",
    path: "/api/v1/conversations/:id/regenerate",
    summary:
      "Ask the question of an answer once more, and get the new answer as from /api/v1/chat. The earlier one stays.",
    access: "user",
    headers: howToRepeat,
    params: z.object({ id: ConversationId }),
    query: Knowing,
    body: RegenerateRequest,
    responses: answered,
    async handle(call, { params: { id: conversation_id }, query, body }) {
      const { caller, exchange } = call;
      const { message_id, on_busy, agent, model } = body;
      const id = keyOf(exchange) ?? body.id ?? randomBytes(12).toString("base64url");
      const asked = { id, conversation_id, message_id, on_busy: on_busy ?? "enqueue" } as const;
      const question = await again(caller, { ...asked, ...given("agent", agent), ...given("model", model) });
      return answer(turns, call, question, { isKnowing: knowsUnknownStatus(query) });
    },
  });
}

interface AnswerWay {
  readonly isKnowing: boolean;
  readonly session?: string | null | undefined;
}

/** Whole, or as events, as the request wants it. */
function answer(turns: HttpTurns, call: Call, question: Question, { isKnowing, session }: AnswerWay) {
  const { exchange } = call;
  if (acceptsEvents(exchange)) return turns.stream(call, question, { after: cursorOf(exchange), isKnowing });
  const toReply = (end: Parameters<typeof chatAnswerOf>[0], parts: Parts): Reply =>
    answerReply(chatAnswerOf(end, parts, session ?? undefined), isKnowing);
  return turns.answer(call, question, toReply);
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
  body: Partial<ChatRequest>,
  key: string | undefined,
): Promise<Question> {
  checkSaysSomething(body, "request");
  return withSaidText<Question>({
    type: "message",
    id: key ?? randomBytes(12).toString("base64url"),
    message: body.message ?? "",
    ...given("parts", body.parts),
    conversation_id: await conversationOf(isOwn, caller, body, key),
    on_busy: body.on_busy ?? "enqueue",
    ...given("customer_id", body.customer_id),
    ...given("agent", body.agent),
    ...given("model", body.model),
    ...given("supersedes", body.supersedes),
    ...given("reply_to", body.reply_to),
    ...given("mentions", body.mentions),
    ...(body.parent === undefined ? {} : { parent: body.parent }),
  });
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
