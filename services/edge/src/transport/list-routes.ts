import { ConversationId, demand, type May } from "@parley/protocol";
import { z } from "zod";
import type { PagePlace } from "../commands/conversations/conversation-index.ts";
import type { Conversations } from "../commands/conversations/conversations.ts";
import { matcherOf } from "../commands/conversations/list-search.ts";
import type { OfferReading } from "../commands/offer.ts";
import type { Ownership } from "../commands/ownership.ts";
import { AgentsAnswer, ConversationPage } from "./answers.ts";
import { jsonReply } from "./reply.ts";
import { pageLimit } from "./request-fields.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

export interface ListRouteDeps {
  readonly conversations: Conversations;
  readonly ownership: Ownership;
  readonly may: May;
  readonly offer: OfferReading;
}

/** Opaque to clients, so that it may change. */
const ListCursor = z
  .string()
  .max(512)
  .transform((text, context): PagePlace => {
    const [, time, id] = /^(\d{1,16}):(.*)$/.exec(Buffer.from(text, "base64url").toString("utf8")) ?? [];
    const conversation = ConversationId.safeParse(id);
    if (conversation.success) return { updated_at: Number(time), conversation_id: conversation.data };
    context.addIssue({ code: "custom", message: "is not a cursor of ours" });
    return z.NEVER;
  });

function listCursorOf({ updated_at, conversation_id }: PagePlace): string {
  return Buffer.from(`${updated_at}:${conversation_id}`).toString("base64url");
}

/** What a caller can choose from: conversations, and whom to ask. */
export function createListRoutes(deps: ListRouteDeps): Route[] {
  return [listRoute(deps), agentsRoute(deps)];
}

function listRoute({ conversations, ownership, may }: ListRouteDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/v1/conversations",
    summary: "The caller's conversations, newest first; all, or those of which title or beginning match.",
    access: "user",
    params: nothing,
    query: z.object({
      limit: pageLimit,
      cursor: ListCursor.optional(),
      q: z
        .string()
        .optional()
        .describe(
          "Words, or their beginnings, in any order, whatever their case and accents: at most 8, and 200 characters. Empty: as without.",
        ),
    }),
    body: nothing,
    responses: { 200: { description: "A page of them.", content: ConversationPage } },
    async handle({ caller }, { query: { limit, cursor, q } }) {
      const { user } = caller;
      demand(may(caller, "conversation:list", { kind: "user", id: user.id }));
      const matches = q === undefined ? undefined : matcherOf(q);
      const isOwn = (id: ConversationId): Promise<boolean> => ownership.isOwn(id, caller);
      const isRoom = (id: ConversationId): boolean => (ownership.peekPeople(id)?.members.length ?? 0) > 0;
      const query = { userId: user.id, limit, after: cursor, isOwn, isRoom };
      const { entries, next } = await conversations.list(query, matches);
      const more = next === undefined ? {} : { next_cursor: listCursorOf(next) };
      return jsonReply(200, { conversations: entries, ...more });
    },
  });
}

function agentsRoute({ offer }: ListRouteDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/v1/agents",
    summary: "The agents and models that the caller may name in a message, as running workers announce them.",
    access: "user",
    params: nothing,
    query: nothing,
    body: nothing,
    responses: { 200: { description: "What there is.", content: AgentsAnswer } },
    handle: async ({ caller }) => jsonReply(200, AgentsAnswer.parse(await offer(caller))),
  });
}
