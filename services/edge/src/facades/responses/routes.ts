import { createResponsesSpeech, questionItem, ResponsesRequest } from "@parley/dialects";
import { ChatError } from "@parley/protocol";
import { z } from "zod";
import type { Facade, FacadeDeps } from "../../transport/facade.ts";
import { jsonReply, type Reply } from "../../transport/reply.ts";
import { defineRoute, nothing, type Call, type Route } from "../../transport/route.ts";
import { createModels } from "../chat-completions/models.ts";
import { createRequestIds } from "../chat-completions/request-ids.ts";
import { createCompactionRoute } from "./compact.ts";
import { createConversationRoutes, deleteAlone, pageOf } from "./conversations.ts";
import { createResponses, type CreateDeps } from "./create.ts";
import { refuse } from "./errors.ts";
import { cannotResume, createLookup, objectOf, type Lookup } from "./lookup.ts";

/** A client that keeps the conversation itself sends all of it each time. */
const maxBodyBytes = 8 * 1024 * 1024;
const access = "user or developer" as const;

const Response = z.looseObject({ id: z.string(), object: z.literal("response"), status: z.string() });
const Event = z.looseObject({ type: z.string(), sequence_number: z.number() });
const Deleted = z.object({ id: z.string(), object: z.literal("response"), deleted: z.literal(true) });
const Items = z.object({ object: z.literal("list"), data: z.array(z.looseObject({ id: z.string() })) });

const Name = z.object({ id: z.string().min(1).max(512) });
const place = { error: "must be the number of an event, from 0" };
const Looking = z.object({
  stream: z.enum(["true", "false"]).optional(),
  starting_after: z.coerce.number(place).int(place).min(0, place).optional(),
});

type Deps = FacadeDeps & { readonly lookup: Lookup };

/** OpenAI's Responses, as the open specification has them: an agent is a model, a turn is a response. */
export const createResponsesRoutes: Facade = (facadeDeps) => {
  const deps = { ...facadeDeps, lookup: createLookup(facadeDeps) };
  const models = createModels(deps.offer);
  return [
    creation({ ...deps, models, ids: createRequestIds(deps) }),
    retrieval(deps),
    cancellation(deps),
    deletion(deps),
    inputItems(deps),
    createCompactionRoute({ ...deps, models }),
    ...createConversationRoutes(deps),
  ];
};

function creation(deps: CreateDeps): Route {
  const create = createResponses(deps);
  return defineRoute({
    ...{ method: "post", path: "/v1/responses", access, refuse, maxBodyBytes, params: nothing, query: nothing },
    summary: "Ask something as OpenAI's Responses clients do: docs/openai-responses.md says what of it counts.",
    reads: ["x-stainless-retry-count"],
    ownsBelow: "/v1/",
    headers: { "Idempotency-Key": "The same key is the same message: it is answered once, and told each time." },
    body: ResponsesRequest,
    responses: { 200: { description: "The response.", content: Response, events: Event } },
    handle: (call, { body, bytes }) => create(call, body, bytes),
  });
}

function retrieval(deps: Deps): Route {
  return defineRoute({
    ...{ method: "get", path: "/v1/responses/:id", access, refuse, params: Name, query: Looking, body: nothing },
    summary: "A response as it stands; with `stream=true` its events, from the one behind `starting_after` on.",
    responses: { 200: { description: "The response.", content: Response, events: Event } },
    handle: (call, { params: { id }, query }) =>
      query.stream === "true" ? replay(deps, call, { id, after: query.starting_after }) : retrieve(deps, call, id),
  });
}

async function retrieve({ streams, lookup }: Deps, call: Call, id: string): Promise<Reply> {
  const found = await lookup.find(id, call);
  const ended = await streams.ended(call.caller, found.place);
  return jsonReply(200, await objectOf(streams, found, call, ended));
}

interface Wanted {
  readonly id: string;
  readonly after: number | undefined;
}

/** Throws CONFLICT where the number may mean another event to the client than to us. */
async function replay({ streams, lookup }: Deps, call: Call, { id, after }: Wanted): Promise<Reply | undefined> {
  const found = await lookup.find(id, call);
  const { place: at, about } = found;
  if (after === undefined) return streams.stream(call, { place: at }, { speech: createResponsesSpeech(about) });
  const history = await lookup.history(found);
  if (history === undefined) throw cannotResume("The events of this response are not kept any more.");
  if (after >= history.doubtfulFrom) throw cannotResume("The answer began anew before this event.");
  if (after >= history.length) {
    throw new ChatError("INVALID_FRAME", { message: "`starting_after` is not an event of this response." });
  }
  const speech = createResponsesSpeech({ ...about, from: { history, after } });
  return streams.stream(call, { place: at }, { speech });
}

function cancellation({ streams, lookup, commands }: Deps): Route {
  return defineRoute({
    ...{
      method: "post",
      path: "/v1/responses/:id/cancel",
      access,
      refuse,
      params: Name,
      query: nothing,
      body: nothing,
    },
    summary: "Stop an answer, and get it as far as it has come.",
    responses: { 200: { description: "The response.", content: Response } },
    async handle(call, { params: { id } }) {
      const found = await lookup.find(id, call);
      const { conversation_id, turn_id } = found.place;
      const ended = await streams.ended(call.caller, found.place);
      if (ended !== undefined && ended.outcome?.type !== "cancelled") {
        throw new ChatError("CONFLICT", { message: "The answer has ended: there is nothing to stop." });
      }
      if (ended !== undefined) return jsonReply(200, await objectOf(streams, found, call, ended));
      await commands.cancel(call.caller, { conversation_id, turn_id }).catch(passNotFound);
      const { turn } = await streams.settle(call, { place: found.place }, { stopsAtWait: false });
      return jsonReply(200, await objectOf(streams, found, call, turn));
    },
  });
}

/** It has ended meanwhile. */
function passNotFound(error: unknown): void {
  if (!(error instanceof ChatError) || error.code !== "NOT_FOUND") throw error;
}

function deletion(deps: Deps): Route {
  return defineRoute({
    ...{ method: "delete", path: "/v1/responses/:id", access, refuse, params: Name, query: nothing, body: nothing },
    summary: "Delete a response that is all of its conversation; of a longer one only the whole can be deleted.",
    responses: { 200: { description: "There is nothing of it any more.", content: Deleted } },
    handle: async (call, { params: { id } }) => jsonReply(200, await deleteAlone(deps, call, id)),
  });
}

function inputItems({ lookup }: Deps): Route {
  return defineRoute({
    ...{ method: "get", path: "/v1/responses/:id/input_items", access, refuse, params: Name, body: nothing },
    summary: "The message that a response answers.",
    query: z.object({ after: z.string().max(512).optional() }),
    responses: { 200: { description: "The items: one, or none behind it.", content: Items } },
    async handle(call, { params: { id }, query: { after } }) {
      const { place: at, question } = await lookup.find(id, call);
      return jsonReply(200, pageOf(after === undefined ? [questionItem(at, question)] : [], false));
    },
  });
}
