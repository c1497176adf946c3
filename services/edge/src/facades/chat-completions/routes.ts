import {
  completionOf,
  CompletionRequest,
  conversationOfRequest,
  conversationOfSession,
  createChatCompletionsSpeech,
  decodeCompletion,
  filled,
  isTaskPrompt,
  namedConversation,
  namingHeaders,
  openAiErrorHeaders,
  openAiErrorOf,
  requestDigest,
  type AskedCompletion,
  type ChatCompletionsOptions,
  type ReadHeader,
} from "@parley/dialects";
import { toChatError, type Caller, type ChatError } from "@parley/protocol";
import { z } from "zod";
import type { Facade, FacadeDeps } from "../../transport/facade.ts";
import type { Question } from "../../transport/http-turns.ts";
import { jsonReply, type Reply } from "../../transport/reply.ts";
import { keyOf } from "../../transport/request-fields.ts";
import { defineRoute, given, nothing, type Call, type Route } from "../../transport/route.ts";
import { createModels, type Models } from "./models.ts";
import { createRequestIds, type RequestIds } from "./request-ids.ts";

/** A client that has a long conversation sends all of it each time, with its files. */
const maxBodyBytes = 8 * 1024 * 1024;

const Model = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.number(),
  owned_by: z.string(),
  description: z.string(),
});
const ModelList = z.object({ object: z.literal("list"), data: z.array(Model) });
const Completion = z.looseObject({ id: z.string(), object: z.literal("chat.completion") });
const Chunk = z.looseObject({ id: z.string(), object: z.literal("chat.completion.chunk") });

/** OpenAI's Chat Completions: an agent is a model. */
export const createChatCompletionsRoutes: Facade = (deps) => {
  const models = createModels(deps.offer);
  const complete = createCompletions({ ...deps, models, ids: createRequestIds(deps) });
  return [...createModelRoutes(models), createCompletionRoute(complete)];
};

function refuse(error: ChatError): Reply {
  return jsonReply(error.status, openAiErrorOf(error), openAiErrorHeaders(error));
}

function createModelRoutes(models: Models): Route[] {
  const common = { method: "get", access: "user or developer", query: nothing, body: nothing, refuse } as const;
  return [
    defineRoute({
      ...common,
      path: "/v1/models",
      summary: "The agents that one may use, as OpenAI lists models; `parley` is whichever fits the message.",
      params: nothing,
      responses: { 200: { description: "The models.", content: ModelList } },
      handle: async ({ caller }) => jsonReply(200, { object: "list", data: await models.list(caller) }),
    }),
    defineRoute({
      ...common,
      path: "/v1/models/:id",
      summary: "One of them.",
      params: z.object({ id: z.string().max(128) }),
      responses: { 200: { description: "The model.", content: Model } },
      handle: async ({ caller }, { params: { id } }) => jsonReply(200, await models.find(caller, id)),
    }),
  ];
}

function createCompletionRoute(complete: ReturnType<typeof createCompletions>): Route {
  return defineRoute({
    method: "post",
    path: "/v1/chat/completions",
    summary: "Send a message as OpenAI's clients do: docs/openai.md says what of it counts.",
    access: "user or developer",
    maxBodyBytes,
    reads: namingHeaders,
    refuse,
    headers: {
      "X-Parley-Conversation": "The conversation, by the client's own name: only the last message is new then.",
      "X-Parley-Cancel-On-Disconnect": "With `1` the answer is stopped when the connection is lost.",
      "Idempotency-Key": "The same key is the same message: it is answered once, and told each time.",
    },
    params: nothing,
    query: nothing,
    body: CompletionRequest,
    responses: { 200: { description: "The answer.", content: Completion, events: Chunk } },
    handle: (call, { body, bytes }) => complete(call, askedOf(call, body, bytes)),
  });
}

interface CompletionDeps extends FacadeDeps {
  readonly models: Models;
  readonly ids: RequestIds;
}

interface Asked extends AskedCompletion {
  readonly model: string;
  /** The conversation as the client names it. */
  readonly named: string | undefined;
  readonly customer: string | undefined;
  /** What tells the request from others. */
  readonly digest: string;
  readonly header: ReadHeader;
}

/** What is kept of a request while it is answered: not its body, which may be megabytes. Throws ChatError with the `param` at fault. */
function askedOf({ caller, exchange }: Call, body: CompletionRequest, bytes: Uint8Array): Asked {
  const header: ReadHeader = (name) => exchange.header(name);
  const isTask = isTaskPrompt(header, body);
  const named = isTask ? undefined : namedConversation(header, body.metadata?.conversation_id);
  return {
    ...decodeCompletion(body, { isStateless: named === undefined, isTask }),
    ...{ model: body.model, named, header },
    customer: filled(header("x-openwebui-user-id")) ?? body.user ?? undefined,
    digest: requestDigest(caller, ["request", named ?? ""], bytes),
  };
}

function createCompletions(deps: CompletionDeps) {
  const { streams, models } = deps;
  return async (call: Call, asked: Asked): Promise<Reply | undefined> => {
    const { caller } = call;
    const { model, isStream, hasUsage, hasReasoning, header } = asked;
    const agent = await models.agentOf(caller, model);
    const known = await questionOf(deps, call, asked, agent);
    // Nobody has been promised anything: whoever sends it again is to find nothing that runs.
    if (known === undefined) return undefined;
    const { question, onAnswered } = known;
    const place = streams.placeOf(caller, question.conversation_id, question.id);
    const headers = {
      "x-request-id": place.turn_id,
      "x-parley-conversation": place.conversation_id,
      "x-parley-turn": place.turn_id,
    };
    const options: ChatCompletionsOptions = { model, createdS: Math.floor(Date.now() / 1_000), hasUsage, hasReasoning };
    const stopsWhenGone = isStoppedWhenGone(header);
    if (isStream) {
      const speech = createChatCompletionsSpeech(options);
      const reply = await streams.stream(call, { question }, { speech, headers, stopsWhenGone });
      onAnswered();
      return reply;
    }
    const { turn } = await streams.settle(call, { question }, { stopsAtWait: true, stopsWhenGone });
    onAnswered();
    return wholeReply(() => completionOf(turn, place, options), headers);
  };
}

/** What has ended badly ends so whenever it is asked for again. */
function wholeReply(completion: () => object, headers: Readonly<Record<string, string>>): Reply {
  try {
    return jsonReply(200, completion(), headers);
  } catch (thrown) {
    const error = toChatError(thrown);
    return jsonReply(error.status, openAiErrorOf(error), { ...headers, ...openAiErrorHeaders(error, false) });
  }
}

interface AskedQuestion {
  readonly question: Question;
  /** To be called when the client is told. */
  readonly onAnswered: () => void;
}

/** Undefined: the client is gone. */
async function questionOf(
  deps: CompletionDeps,
  { caller, exchange }: Call,
  asked: Asked,
  agent: string | undefined,
): Promise<AskedQuestion | undefined> {
  const { named, message, customer } = asked;
  const { id, onAnswered } = await identify(deps, { caller, exchange }, asked);
  const conversation_id =
    named === undefined
      ? conversationOfRequest(caller, id)
      : await conversationOfSession(deps.ownership.isOwn, caller, named);
  if (!exchange.isOpen()) return undefined;
  const question: Question = {
    type: "message",
    id,
    message,
    conversation_id,
    on_busy: "enqueue",
    ...given("agent", agent),
    ...given("customer_id", customer?.slice(0, 128)),
    ...given("given", asked.given),
    ...given("brought", asked.files.length === 0 ? undefined : asked.files),
  };
  return { question, onAnswered };
}

/** The id of the message: the same for a request that comes again, see docs/openai.md. */
async function identify(
  { ids }: Pick<CompletionDeps, "ids">,
  { caller, exchange }: Call,
  { named, header, digest, message }: Asked,
): Promise<Pick<AskedQuestion, "onAnswered"> & { readonly id: string }> {
  const known = namedId(caller, { key: keyOf(exchange), named, header, message });
  if (known !== undefined) return { id: known, onAnswered: () => {} };
  const id = await ids.idOf(digest, Number(header("x-stainless-retry-count")) > 0);
  exchange.onGone((by) =>
    by === "client" && isStoppedWhenGone(header) ? ids.forget(digest) : ids.abandoned(digest, id),
  );
  return { id, onAnswered: () => ids.answered(digest, id) };
}

/** The id that the client itself has given. */
function namedId(
  caller: Caller,
  { key, named, header, message }: Pick<Asked, "named" | "header" | "message"> & { readonly key: string | undefined },
): string | undefined {
  const messageId = filled(header("x-openwebui-message-id"));
  if (key !== undefined || named === undefined || messageId === undefined) return key;
  // Open WebUI answers one message of its user's with several requests, when it runs tools.
  return requestDigest(caller, ["message", messageId, message]);
}

function isStoppedWhenGone(header: ReadHeader): boolean {
  return ["1", "true"].includes(header("x-parley-cancel-on-disconnect").trim().toLowerCase());
}
