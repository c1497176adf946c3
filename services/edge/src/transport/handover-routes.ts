import { randomUUID } from "node:crypto";
import {
  ChatError,
  ConversationId,
  Handover,
  HandoverFrame,
  TurnId,
  handoverOf,
  type HandoverRecord,
} from "@parley/protocol";
import { z } from "zod";
import { askOf } from "../commands/asking.ts";
import type { Commands } from "../commands/commands.ts";
import type { HttpTurns } from "./http-turns.ts";
import { jsonReply } from "./reply.ts";
import { keyOf } from "./request-fields.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

/** People who answer in place of agents: docs/handover.md. */

const maxListed = 100;

const person = z.object({ id: z.string(), name: z.string().optional() });

const HandoverAnswer = z.object({ conversation_id: ConversationId, ...Handover.shape });

const HandoverList = z.object({
  handovers: z.array(
    HandoverAnswer.extend({
      user: person.describe("Whose conversation it is."),
      waits_ms: z.number().describe("How long ago a person was asked for."),
    }),
  ),
});

const AskedAnswer = z.object({
  conversation_id: ConversationId,
  turn_id: TurnId,
  state: z.string().describe("`waiting`, or `taken` where a person answers already."),
});

export interface HandoverRouteDeps {
  readonly turns: HttpTurns;
  readonly commands: Pick<Commands, "handover">;
}

export function createHandoverRoutes(deps: HandoverRouteDeps): Route[] {
  return [listRoute(deps), takeRoute(deps), endRoute(deps), askRoute(deps), withdrawRoute(deps)];
}

const OneConversation = z.object({ id: ConversationId });

function answerOf(record: HandoverRecord): z.infer<typeof HandoverAnswer> {
  return { conversation_id: record.conversation_id, ...handoverOf(record) };
}

function listRoute({ commands: { handover } }: HandoverRouteDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/v1/handovers",
    summary:
      "Conversations of the caller's tenant that wait for a person, or have one, oldest first: for who has the right `handover:answer`.",
    access: "user",
    params: nothing,
    query: z.object({ limit: z.coerce.number().int().min(1).max(maxListed).default(maxListed) }),
    body: nothing,
    responses: { 200: { description: "The queue.", content: HandoverList } },
    async handle({ caller }, { query: { limit } }) {
      const { records, nowMs } = await handover.list(caller, limit);
      const handovers = records.map((record) => ({
        ...answerOf(record),
        user: record.user,
        waits_ms: Math.max(0, nowMs - record.asked_at),
      }));
      return jsonReply(200, { handovers });
    },
  });
}

function takeRoute({ commands: { handover } }: HandoverRouteDeps): Route {
  return defineRoute({
    method: "post",
    path: "/api/v1/handovers/:id/take",
    summary:
      "Take a conversation: from then on the caller reads it and answers in it. `CONFLICT` says who was quicker.",
    access: "user",
    params: OneConversation,
    query: nothing,
    body: nothing,
    responses: { 200: { description: "The caller has it.", content: HandoverAnswer } },
    async handle({ caller }, { params: { id } }) {
      return jsonReply(200, answerOf(await handover.take(id, caller)));
    },
  });
}

function endRoute({ commands: { handover } }: HandoverRouteDeps): Route {
  return defineRoute({
    method: "post",
    path: "/api/v1/handovers/:id/end",
    summary: "Give a conversation back: the agent answers again.",
    access: "user",
    params: OneConversation,
    query: nothing,
    body: nothing,
    responses: { 200: { description: "It has ended.", content: HandoverAnswer } },
    async handle({ caller }, { params: { id } }) {
      return jsonReply(200, answerOf(await handover.giveBack(id, caller)));
    },
  });
}

function askRoute({ turns }: HandoverRouteDeps): Route {
  return defineRoute({
    method: "post",
    path: "/api/v1/conversations/:id/handover",
    summary: "Ask for a person to answer in place of the agent. It is a message, and waits behind what runs.",
    access: "user",
    headers: { "Idempotency-Key": "The same key is the same wish." },
    params: OneConversation,
    query: nothing,
    body: z.object({ reason: HandoverFrame.shape.reason.nullable() }),
    responses: { 200: { description: "A person was asked for.", content: AskedAnswer } },
    handle(call, { params: { id: conversation_id }, body: { reason } }) {
      const id = keyOf(call.exchange) ?? randomUUID();
      return turns.answer(call, askOf({ id, conversation_id, reason: reason ?? undefined }), (end) => {
        const state = end.type === "complete" ? end.metadata.handover : undefined;
        if (state === undefined) throw new ChatError("CONFLICT", { message: "The wish was stopped." });
        return jsonReply(200, { conversation_id, turn_id: end.turn_id, state });
      });
    },
  });
}

function withdrawRoute({ commands: { handover } }: HandoverRouteDeps): Route {
  return defineRoute({
    method: "delete",
    path: "/api/v1/conversations/:id/handover",
    summary: "The agent is to answer again, for the owner of the conversation.",
    access: "user",
    params: OneConversation,
    query: nothing,
    body: nothing,
    responses: { 200: { description: "It has ended.", content: HandoverAnswer } },
    async handle({ caller }, { params: { id } }) {
      return jsonReply(200, answerOf(await handover.withdraw(id, caller)));
    },
  });
}
