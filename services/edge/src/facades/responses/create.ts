import {
  conversationOfRequest,
  createResponsesSpeech,
  decodeResponse,
  messageIn,
  noSuchResponse,
  paramError,
  requestDigest,
  responseIdOf,
  type AskedMessage,
  type AskedResponse,
  type ResponsePlace,
  type ResponsesRequest,
} from "@parley/dialects";
import { ChatError, type ApproveFrame, type Caller, type ConversationId } from "@parley/protocol";
import { turnIdOf } from "@parley/protocol/turn-id";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Question } from "../../transport/http-turns.ts";
import { jsonReply, type Reply } from "../../transport/reply.ts";
import { keyOf } from "../../transport/request-fields.ts";
import { given, type Call } from "../../transport/route.ts";
import type { StreamTarget } from "../../transport/turn-streams.ts";
import type { Models } from "../chat-completions/models.ts";
import type { RequestIds } from "../chat-completions/request-ids.ts";
import { objectOf, type KnownResponse, type Lookup } from "./lookup.ts";

export interface CreateDeps extends FacadeDeps {
  readonly lookup: Lookup;
  readonly models: Models;
  readonly ids: RequestIds;
}

/** What a request asks for: a message's turn, or the rest of one that waited. */
interface Begun extends Pick<KnownResponse, "about"> {
  readonly target: StreamTarget;
  readonly place: ResponsePlace;
  /** To be called when the client is told. */
  readonly onAnswered?: () => void;
}

/** `POST /v1/responses`. */
export function createResponses(deps: CreateDeps) {
  return async (call: Call, body: ResponsesRequest, bytes: Uint8Array): Promise<Reply | undefined> => {
    const asked = decodeResponse(body);
    const begun: Begun | undefined =
      asked.decisions.length > 0 ? await decide(deps, call, asked) : await ask(deps, call, { asked, body }, bytes);
    // Nobody has been promised anything: whoever sends it again is to find nothing that runs.
    if (begun === undefined) return undefined;
    const { target, place, about, onAnswered = () => {} } = begun;
    const headers = { "x-request-id": place.turn_id };
    const { streams } = deps;
    if (asked.isStream) {
      const reply = await streams.stream(call, target, { speech: createResponsesSpeech(about), headers });
      onAnswered();
      return reply;
    }
    const how = { stopsAtWait: true, stopsAtOnce: asked.isBackground };
    const { turn } = await streams.settle(call, target, how);
    onAnswered();
    return jsonReply(200, await objectOf(streams, { place, about }, call, turn), headers);
  };
}

export interface Request {
  readonly asked: AskedResponse;
  readonly body: ResponsesRequest;
}

/** A new turn. Undefined: the client is gone. */
async function ask(deps: CreateDeps, call: Call, request: Request, bytes: Uint8Array): Promise<Begun | undefined> {
  const { lookup } = deps;
  const kept = await keptConversation(deps, call, request.asked);
  const message = messageIn(request.body, await lookup.before(kept, request.asked.keptCall));
  const agent = await deps.models.agentOf(call.caller, request.asked.model);
  const { id, onAnswered } = await identify(deps, call, bytes);
  if (!call.exchange.isOpen()) return undefined;
  const conversation_id = kept ?? conversationOfRequest(call.caller, id);
  const { question, ...asked } = askedTurn(call.caller, request, { id, conversation_id, agent, message });
  return { ...asked, target: { question }, onAnswered };
}

export interface AskedTurn extends Pick<KnownResponse, "about" | "place"> {
  readonly question: Question;
}

/** The turn that a message is. */
export function askedTurn({ user }: Caller, { asked, body }: Request, found: Found): AskedTurn {
  const { id, conversation_id, message } = found;
  const turn = { conversation_id, turn_id: turnIdOf(user.id, conversation_id, id) };
  return {
    question: questionOf(found, asked),
    place: { ...turn, segment: 0 },
    about: {
      ...{ segment: 0, createdMs: Date.now(), model: asked.model, background: asked.isBackground },
      ...{ previous: body.previous_response_id ?? null, metadata: asked.metadata, conversation: asked.conversation },
      ...{ instructions: message.instructions, tools: message.tools, store: asked.isStored },
    },
  };
}

/** What is known of a message, beside what its request says. */
interface Found extends Pick<Question, "id" | "conversation_id"> {
  readonly agent: string | undefined;
  readonly message: AskedMessage;
}

function questionOf({ id, conversation_id, agent, message }: Found, asked: AskedResponse): Question {
  const hasMetadata = Object.keys(asked.metadata).length > 0;
  return {
    type: "message",
    id,
    message: message.message,
    conversation_id,
    on_busy: "enqueue",
    ...given("agent", agent),
    ...given("metadata", hasMetadata ? { ...asked.metadata } : undefined),
    ...given("given", message.given),
    ...given("brought", message.files.length === 0 ? undefined : message.files),
  };
}

/** The conversation that the request goes on with; undefined: it begins one. Throws NOT_FOUND for a response that is not there. */
export async function keptConversation(
  { lookup }: Pick<CreateDeps, "lookup">,
  call: Pick<Call, "caller">,
  { previous, isPreviousNamed, conversation }: AskedResponse,
): Promise<ConversationId | undefined> {
  if (conversation !== undefined) return lookup.conversationOf(call, conversation);
  if (previous === undefined) return undefined;
  if (isPreviousNamed) await lookup.known(previous, call, "previous_response_id");
  else if (!(await lookup.isOwn(previous, call))) return undefined;
  return previous.conversation_id;
}

interface Identified {
  readonly id: string;
  readonly onAnswered: () => void;
}

/** The id of the message: the same for a request that comes again, see docs/openai-responses.md. */
async function identify({ ids }: CreateDeps, { caller, exchange }: Call, body: Uint8Array): Promise<Identified> {
  const key = keyOf(exchange);
  if (key !== undefined) return { id: key, onAnswered: () => {} };
  const digest = requestDigest(caller, ["response"], body);
  const id = await ids.idOf(digest, Number(exchange.header("x-stainless-retry-count")) > 0);
  exchange.onGone(() => ids.abandoned(digest, id));
  return { id, onAnswered: () => ids.answered(digest, id) };
}

interface Decided extends Pick<Begun, "about" | "place"> {
  readonly target: { readonly place: ResponsePlace };
  /** What is to be decided, in this order. */
  readonly wishes: readonly Omit<ApproveFrame, "type">[];
}

/** What people said goes to their turn, and the rest of it is the next response. */
async function decide(deps: CreateDeps, call: Call, asked: AskedResponse): Promise<Begun> {
  const { wishes, ...begun } = await checkDecisions(deps, call, asked);
  for (const wish of wishes) await deps.commands.approve(call.caller, wish);
  return begun;
}

/** What the request decides, all of which can be decided as things stand: what is refused in the middle would be told of the whole. Decides nothing. */
export async function checkDecisions(
  { commands, lookup }: Pick<CreateDeps, "commands" | "lookup">,
  call: Pick<Call, "caller">,
  asked: AskedResponse,
): Promise<Decided> {
  const { decisions, previous } = asked;
  const [first] = decisions;
  const last = decisions.at(-1);
  const isOne = decisions.every(({ place }) => last !== undefined && isSame(place, last.place));
  const isNamed = asked.isPreviousNamed && previous !== undefined;
  if (first === undefined || !isOne || (isNamed && !isSame(previous, first.place))) {
    throw noSuchResponse(isNamed ? "previous_response_id" : "input");
  }
  const known = await lookup.known(first.place, call, "previous_response_id");
  await checkAsked(lookup, known, decisions);
  const { about } = known;
  const wishes = decisions.map(wishOf);
  for (const wish of wishes) await commands.checkApprove(call.caller, wish);
  const place = { ...first.place, segment: first.place.segment + 1 };
  const { metadata, conversation, isBackground, isStored } = asked;
  const own = { segment: place.segment, metadata, conversation, background: isBackground, store: isStored };
  return {
    wishes,
    target: { place: first.place },
    place,
    about: { ...about, ...own, previous: responseIdOf(first.place) },
  };
}

/** Whether the response has ended with asking for these decisions: then they are answered by the next one. */
async function checkAsked(lookup: Lookup, known: KnownResponse, decisions: AskedResponse["decisions"]): Promise<void> {
  const asked = await lookup.askedPeople(known);
  if (asked === undefined || !decisions.every(({ call_id }) => asked.calls.some((call) => call === call_id))) {
    throw paramError("input", "There is no such request for approval in this response.", "NOT_FOUND");
  }
  if (asked.isWhole) return;
  throw new ChatError("CONFLICT", { message: "The response has not ended yet: decide when it has.", retryable: true });
}

function wishOf({ place, call_id, approved, reason }: AskedResponse["decisions"][number]) {
  const wish = { conversation_id: place.conversation_id, call_id, approved };
  // What is to be typed where that is wanted has no other place in such an answer.
  return reason === undefined ? wish : { ...wish, reason, confirm: reason.slice(0, 200) };
}

function isSame(a: ResponsePlace, b: ResponsePlace): boolean {
  return a.turn_id === b.turn_id && a.conversation_id === b.conversation_id && a.segment === b.segment;
}
