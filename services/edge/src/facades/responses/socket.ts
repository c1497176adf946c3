import { randomBytes } from "node:crypto";
import {
  conversationOfRequest,
  createResponsesSocketDialect,
  decodeResponse,
  isUnkept,
  messageIn,
  noSuchResponse,
  paramError,
  responseIdOf,
  unkeptConversation,
  type AskedResponse,
  type ResponsePlace,
  type ResponsesRequest,
  type ResponsesSession,
  type SocketResponse,
} from "@parley/dialects";
import type { Caller, ConversationId } from "@parley/protocol";
import type { SocketFacade, SocketFacadeDeps } from "../../transport/facade.ts";
import { createModels, type Models } from "../chat-completions/models.ts";
import { askedTurn, checkDecisions, keptConversation } from "./create.ts";
import { createForgetting, type Forgetting } from "./forgetting.ts";
import { createLookup } from "./lookup.ts";

/** The WebSocket mode of the Responses API. */
export const createResponsesSocket: SocketFacade = (deps) => {
  const models = createModels(deps.offer);
  const forgetting = createForgetting(deps);
  return {
    path: "/v1/responses",
    otherDialect: () => createResponsesSocketDialect(createSession({ ...deps, models, forgetting })),
    allowAnonymous: deps.isDevelopment,
  };
};

interface SessionDeps extends SocketFacadeDeps {
  readonly models: Models;
  readonly forgetting: Forgetting;
}

/** Responses that are not kept may be gone on from: so many of the newest. */
const mostAlive = 256;
/** Conversations that are not kept; the oldest is deleted before the socket closes where there are more. */
const mostUnkept = 32;

/** What one socket knows of responses that are not kept: nobody else does. */
function createMemory({ forgetting }: SessionDeps) {
  const alive = new Set<string>();
  const unkept = new Map<ConversationId, Caller>();
  const drop = (conversation: ConversationId, caller: Caller): void => {
    unkept.delete(conversation);
    forgetting.forget(conversation, caller);
  };
  return {
    shows: (conversation: ConversationId): boolean => unkept.has(conversation),
    isAlive: (id: string): boolean => alive.has(id),
    evict: (id: string): boolean => alive.delete(id),
    remember(place: ResponsePlace, caller: Caller): void {
      alive.add(responseIdOf(place));
      const [oldest] = alive;
      if (alive.size > mostAlive && oldest !== undefined) alive.delete(oldest);
      unkept.delete(place.conversation_id);
      unkept.set(place.conversation_id, caller);
      const [[first, owner] = []] = unkept;
      if (unkept.size > mostUnkept && first !== undefined && owner !== undefined) drop(first, owner);
    },
    clear(): void {
      for (const [conversation, caller] of unkept) drop(conversation, caller);
    },
  };
}

type Memory = ReturnType<typeof createMemory>;

function createSession(deps: SessionDeps): ResponsesSession {
  const memory = createMemory(deps);
  const lookup = createLookup(deps, memory.shows);
  /** What goes with a response that fails: itself, and the one that it went on from (Open Responses, "WebSocket Continuation"). */
  let atRisk: string[] = [];
  const failed = (): void => {
    for (const id of atRisk) memory.evict(id);
  };

  const decided = async (caller: Caller, asked: AskedResponse): Promise<SocketResponse> => {
    checkKept(asked, asked.decisions[0]?.place.conversation_id);
    const { place, about, target, wishes } = await checkDecisions({ ...deps, lookup }, { caller }, asked);
    const { conversation_id } = place;
    if (isUnkept(conversation_id)) memory.remember(place, caller);
    const decisions = wishes.map((wish) => ({ type: "approve", ...wish }) as const);
    return { decisions, frame: { type: "subscribe", conversation_id }, known: about, turn: target.place };
  };
  const asked = async (caller: Caller, request: AskedResponse, body: ResponsesRequest): Promise<SocketResponse> => {
    const kept = await keptConversation({ lookup }, { caller }, request);
    checkKept(request, kept);
    const message = messageIn(body, await lookup.before(kept, request.keptCall));
    const agent = await deps.models.agentOf(caller, request.model);
    const id = randomBytes(16).toString("base64url");
    const conversation_id = kept ?? newConversation(caller, id, request);
    const turn = askedTurn(caller, { asked: request, body }, { id, conversation_id, agent, message });
    if (!request.isStored) {
      memory.remember(turn.place, caller);
      atRisk.push(responseIdOf(turn.place));
    }
    return { frame: turn.question, known: turn.about, turn: undefined };
  };

  return {
    async begin(caller, body) {
      atRisk = [body.previous_response_id ?? ""];
      try {
        const request = decodeResponse(body, true);
        checkAlive(memory, request);
        return await (request.decisions.length > 0 ? decided(caller, request) : asked(caller, request, body));
      } catch (thrown) {
        failed();
        throw thrown;
      }
    },
    failed,
    closed: memory.clear,
  };
}

/** Throws NOT_FOUND for a response that is not kept and that this socket does not know, or not any more. */
function checkAlive({ isAlive }: Memory, { previous, isPreviousNamed }: AskedResponse): void {
  if (previous === undefined || !isPreviousNamed || !isUnkept(previous.conversation_id)) return;
  if (!isAlive(responseIdOf(previous))) throw noSuchResponse("previous_response_id");
}

/** A conversation is kept as a whole, or not at all. */
function checkKept({ isStored }: AskedResponse, conversation: ConversationId | undefined): void {
  if (conversation === undefined || isUnkept(conversation) === !isStored) return;
  const message = isStored
    ? "It goes on from a response that is not kept, and so it is not kept either: send `store` false."
    : "It would be part of a conversation that is kept: leave `store` out, or begin a new one.";
  throw paramError("store", message, "UNSUPPORTED");
}

function newConversation(caller: Caller, id: string, { isStored }: AskedResponse): ConversationId {
  return isStored ? conversationOfRequest(caller, id) : unkeptConversation(caller, id);
}
