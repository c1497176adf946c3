import { itemsOfTurn, paramError, placeOfItem } from "@parley/dialects";
import { ChatError, type ConversationId, type TurnId } from "@parley/protocol";
import { newConversationId } from "@parley/protocol/turn-id";
import { z } from "zod";
import type { FacadeDeps } from "../../transport/facade.ts";
import { jsonReply } from "../../transport/reply.ts";
import { defineRoute, nothing, type Call, type Route } from "../../transport/route.ts";
import { refuse } from "./errors.ts";
import type { Lookup } from "./lookup.ts";

/** Conversations as OpenAI's clients make them: the same as everybody's. */

const access = "user or developer" as const;
const Name = z.object({ id: z.string().min(1).max(256) });
const Conversation = z.object({
  id: z.string(),
  object: z.literal("conversation"),
  created_at: z.number().describe("0: it is not known."),
  metadata: z.record(z.string(), z.string()),
});
const Deleted = z.object({ id: z.string(), object: z.literal("conversation.deleted"), deleted: z.literal(true) });
const Items = z.object({
  object: z.literal("list"),
  data: z.array(z.looseObject({ id: z.string(), type: z.string() })),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

const NewConversation = z.object({
  items: z.array(z.unknown()).max(0, "must be empty: a conversation begins with a response").nullish(),
});

const ItemQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().max(512).optional().describe("The last item of the page before."),
  order: z.enum(["asc", "desc"]).default("desc").describe("Only `desc`: the newest first."),
  include: z.string().max(512).optional(),
});

type Deps = Pick<FacadeDeps, "ownership" | "conversations" | "bus"> & { readonly lookup: Lookup };

export function createConversationRoutes(deps: Deps): Route[] {
  return [creation(deps), retrieval(deps), deletion(deps), items(deps)];
}

function conversationObject(id: string, createdMs: number): object {
  return { id, object: "conversation", created_at: Math.floor(createdMs / 1_000), metadata: {} };
}

function creation({ ownership }: Deps): Route {
  return defineRoute({
    ...{ method: "post", path: "/v1/conversations", access, refuse, params: nothing, query: nothing },
    summary: "Begin a conversation, as OpenAI's clients do.",
    takesAnyType: true,
    body: NewConversation,
    responses: { 200: { description: "The conversation.", content: Conversation } },
    async handle({ caller }) {
      const id = newConversationId();
      await ownership.claim(id, caller, { isFresh: true, isExempt: false });
      return jsonReply(200, conversationObject(id, Date.now()));
    },
  });
}

/** Throws NOT_FOUND for what is not there, and for what is somebody else's. */
async function ownConversation({ lookup, ownership }: Deps, call: Call, name: string): Promise<ConversationId> {
  const id = await lookup.conversationOf(call, name);
  if (await ownership.isOwn(id, call.caller)) return id;
  throw paramError("conversation_id", "There is no such conversation.", "NOT_FOUND");
}

function retrieval(deps: Deps): Route {
  return defineRoute({
    ...{ method: "get", path: "/v1/conversations/:id", access, refuse, params: Name, query: nothing, body: nothing },
    summary: "A conversation, as OpenAI's clients read it.",
    responses: { 200: { description: "The conversation.", content: Conversation } },
    async handle(call, { params: { id } }) {
      await ownConversation(deps, call, id);
      return jsonReply(200, conversationObject(id, 0));
    },
  });
}

function deletion(deps: Deps): Route {
  return defineRoute({
    ...{ method: "delete", path: "/v1/conversations/:id", access, refuse, params: Name, query: nothing, body: nothing },
    summary: "Cancel what runs in a conversation and delete all of it.",
    responses: { 200: { description: "There is nothing of it any more.", content: Deleted } },
    async handle(call, { params: { id } }) {
      const own = await ownConversation(deps, call, id);
      await deps.ownership.check(own, call.caller, "conversation:delete");
      await deps.conversations.delete(own, call.caller);
      return jsonReply(200, { id, object: "conversation.deleted", deleted: true });
    },
  });
}

function items(deps: Deps): Route {
  return defineRoute({
    ...{ method: "get", path: "/v1/conversations/:id/items", access, refuse, params: Name, body: nothing },
    summary:
      "What was said on the newest branch of a conversation, the newest first: messages, calls and what people were asked.",
    query: ItemQuery,
    responses: { 200: { description: "A page of items.", content: Items } },
    async handle(call, { params: { id }, query: { limit, after, order } }) {
      const own = await ownConversation(deps, call, id);
      if (order === "asc")
        throw paramError("order", "Items come newest first: `order` can only be `desc`.", "UNSUPPORTED");
      const { found, hasMore } = await itemsBefore(deps, own, { limit, after });
      return jsonReply(200, pageOf(found, hasMore));
    },
  });
}

/** A page of items, in the form of OpenAI's lists. */
export function pageOf(found: readonly object[], hasMore: boolean): object {
  const ids = found.flatMap((item) => ("id" in item && typeof item.id === "string" ? [item.id] : []));
  return { object: "list", data: found, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null, has_more: hasMore };
}

/** Pages of a transcript that are looked through for one page of items: a turn has at least its question. */
const mostPages = 4;

async function itemsBefore(
  { bus }: Deps,
  conversation: ConversationId,
  { limit, after }: { readonly limit: number; readonly after: string | undefined },
): Promise<{ readonly found: readonly object[]; readonly hasMore: boolean }> {
  let place: { readonly before: number; readonly leaf?: TurnId } = {
    before: after === undefined ? 0 : await placeOf(bus, conversation, after),
  };
  let found: object[] = [];
  for (let page = 0; page < mostPages && found.length <= limit; page++) {
    const read = await bus.transcripts.path(conversation, { limit: limit + 1, ...place });
    place = read ?? { before: 0 };
    if (read === undefined) break;
    const newest = read.turns.toReversed().flatMap((turn) => itemsOfTurn(turn, conversation).toReversed());
    found.push(...newest);
    if (page === 0 && after !== undefined)
      found = found.slice(found.findIndex((item) => "id" in item && item.id === after) + 1);
    if (read.before === 0) break;
  }
  return { found: found.slice(0, limit), hasMore: found.length > limit || place.before !== 0 };
}

/** Where the turn of an item is recorded. Throws NOT_FOUND. */
async function placeOf({ transcripts }: Deps["bus"], conversation: ConversationId, item: string): Promise<number> {
  const place = placeOfItem(item);
  const isOfThis = place?.conversation_id === conversation;
  const stored = isOfThis ? await transcripts.find(conversation, place.turn_id, 0) : undefined;
  if (stored === undefined) throw paramError("after", "There is no such item in this conversation.", "NOT_FOUND");
  return stored.seq;
}

/** Deletes a conversation of which all is one response. Throws CONFLICT where it has more. */
export async function deleteAlone({ lookup, ownership, conversations }: Deps, call: Call, id: string): Promise<object> {
  const { place } = await lookup.find(id, call);
  if (!(await lookup.isAlone(place))) {
    const message =
      "A conversation is deleted as a whole, and this response is not all of its own: delete the conversation.";
    throw new ChatError("CONFLICT", { message });
  }
  await ownership.check(place.conversation_id, call.caller, "conversation:delete");
  await conversations.delete(place.conversation_id, call.caller);
  return { id, object: "response", deleted: true };
}
