import {
  AiSdkVersion,
  ChatBody,
  ChatName,
  aiSdkHeaders,
  conversationOfSession,
  createAiSdkSpeech,
  decodeChat,
  placeOfRun,
  runIdOf,
  type AskedOfChat,
  type TurnPlace,
  type TurnSpeech,
} from "@parley/dialects";
import { ApproveFrame, CallId, ChatError, TurnId, type Caller, type ConversationId } from "@parley/protocol";
import { z } from "zod";
import {
  createBegunStreams,
  type BegunStream,
  type BegunStreams,
  type StreamKind,
} from "../../transport/begun-streams.ts";
import type { FacadeDeps } from "../../transport/facade.ts";
import { jsonReply, type Reply } from "../../transport/reply.ts";
import { defineRoute, given, nothing, type Call, type Route } from "../../transport/route.ts";

/** The chats of the AI SDK: `useChat` with its stock transports. */

interface AiSdkDeps extends Pick<FacadeDeps, "streams" | "commands" | "ownership"> {
  readonly begun: BegunStreams;
}
type Version = z.output<typeof AiSdkVersion>;

/** Histories come along: only their last message is read. */
const maxBodyBytes = 2 * 1024 * 1024;

const Versioned = z.object({
  v: AiSdkVersion.default(6).describe("The major version of the package `ai`: 5, 6 or 7. Default: 6."),
});
const OneChat = z.object({ id: z.string().transform(decoded).pipe(ChatName).describe("The chat's id.") });

const stream = "A UI message stream, as server-sent events.";
const summaries = {
  chat: "Send the last message of an AI SDK chat, or what was decided on calls, and stream the answer.",
  resume: "The running answer of an AI SDK chat from its beginning, or the last one, if a stream of it was cut.",
  stop: "Stop the running answer of an AI SDK chat. Closing a stream does not.",
  approve: "Decide on a tool call that waits for a person, for clients of version 5.",
};

export function createAiSdkRoutes({ redis, bus, log, ...others }: FacadeDeps): Route[] {
  const deps = { ...others, begun: createBegunStreams({ redis, transcripts: bus.transcripts, log }) };
  return [chatRoute(deps), resumeRoute(deps), stopRoute(deps), approveRoute(deps)];
}

/** The library gives parameters as they stand in the address. Throws INVALID_FRAME. */
function decoded(parameter: string): string {
  try {
    return decodeURIComponent(parameter);
  } catch (cause) {
    throw new ChatError("INVALID_FRAME", { message: "The id in the address is not valid.", cause });
  }
}

function conversationOf({ ownership }: AiSdkDeps, caller: Caller, chat: string): Promise<ConversationId> {
  return conversationOfSession(ownership.isOwn, caller, chat);
}

/** The turn, where the id is that of one of the caller's; else it is their name of a chat, whatever it looks like. */
async function runOf({ ownership }: AiSdkDeps, caller: Caller, id: string): Promise<TurnPlace | undefined> {
  const place = placeOfRun(id);
  if (place === undefined) return undefined;
  return (await ownership.isOwn(place.conversation_id, caller)) ? place : undefined;
}

function howOf({ begun }: AiSdkDeps, place: TurnPlace, speech: TurnSpeech, kind: StreamKind = "first") {
  let stream: BegunStream | undefined;
  let isOtherwise = false;
  return {
    headers: { ...aiSdkHeaders, "x-workflow-run-id": runIdOf(place) },
    speech: {
      ...speech,
      say(...[steps, of]: Parameters<TurnSpeech["say"]>) {
        stream ??= begun.begin(of.turn_id, kind);
        // Its client has something else than the answer, however the stream is ended.
        isOtherwise ||= steps.some(({ type }) => type === "diverged");
        return speech.say(steps, of);
      },
    },
    onWhole(): void {
      if (!isOtherwise) stream?.ended();
    },
  };
}

function chatRoute(deps: AiSdkDeps): Route {
  return defineRoute({
    method: "post",
    path: "/api/ai/chat",
    summary: summaries.chat,
    access: "user or developer",
    maxBodyBytes,
    params: nothing,
    query: Versioned,
    body: ChatBody,
    responses: { 200: { description: stream } },
    async handle(call, { query: { v }, body }) {
      const asked = decodeChat(body);
      const conversation = await conversationOf(deps, call.caller, body.id);
      if (asked.type === "decisions") return goOn(deps, call, { conversation, asked, version: v });
      const { id, message } = asked;
      const chosen = { ...given("agent", body.agent), ...given("model", body.model) };
      const question = {
        type: "message",
        id,
        message,
        conversation_id: conversation,
        on_busy: "enqueue",
        ...chosen,
      } as const;
      const place = deps.streams.placeOf(call.caller, conversation, id);
      return deps.streams.stream(call, { question }, howOf(deps, place, createAiSdkSpeech({ version: v })));
    },
  });
}

interface GoingOn {
  readonly conversation: ConversationId;
  readonly asked: Extract<AskedOfChat, { type: "decisions" }>;
  readonly version: Version;
}

/** Decides, and streams what follows. The same words again are no other ones, so it can be asked again. */
async function goOn(
  deps: AiSdkDeps,
  call: Call,
  { conversation: conversation_id, asked: { turn, decisions }, version }: GoingOn,
): Promise<Reply | undefined> {
  for (const decision of decisions) await deps.commands.approve(call.caller, { conversation_id, ...decision });
  const place = { conversation_id, turn_id: turn };
  const speech = createAiSdkSpeech({ version, decided: decisions.map(({ call_id }) => call_id) });
  return deps.streams.stream(call, { place }, howOf(deps, place, speech));
}

function resumeRoute(deps: AiSdkDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/ai/chat/:id/stream",
    summary: summaries.resume,
    access: "user or developer",
    params: OneChat,
    query: Versioned.extend({ startIndex: z.coerce.number().int().optional() }),
    body: nothing,
    responses: { 200: { description: stream }, 204: { description: "Nothing runs, and nothing was cut." } },
    async handle(call, { params: { id }, query: { v, startIndex = 0 } }) {
      if (startIndex > 0) throw onlyWhole();
      const run = await runOf(deps, call.caller, id);
      const shown = run === undefined ? await shownIn(deps, call.caller, id) : { place: run };
      if (shown === undefined) return { status: 204, body: "" };
      const { place, kind } = shown;
      return deps.streams.stream(call, { place }, howOf(deps, place, createAiSdkSpeech({ version: v }), kind));
    },
  });
}

/** A replay is folded, and what a client has may have been told in other pieces: there is no place in it that a number of chunks stands for. */
function onlyWhole(): ChatError {
  return new ChatError("CONFLICT", {
    message: "The connection broke, and answers are replayed from their beginning only: resume the chat once more.",
  });
}

/** What there is to show of a chat. */
interface Shown {
  readonly place: TurnPlace;
  readonly kind?: StreamKind;
}

/** The turn that runs or waits; else the last one, if a stream of it was cut. */
async function shownIn(deps: AiSdkDeps, caller: Caller, chat: string): Promise<Shown | undefined> {
  const { streams, ownership, begun } = deps;
  const conversation_id = await conversationOf(deps, caller, chat);
  const place = await streams.active(caller, conversation_id);
  if (place !== undefined) return { place };
  if (!(await ownership.isOwn(conversation_id, caller))) return undefined;
  const turn_id = await begun.lastCut(conversation_id);
  return turn_id === undefined ? undefined : { place: { conversation_id, turn_id }, kind: "replay" };
}

function stopRoute(deps: AiSdkDeps): Route {
  const Stopped = z.object({ turn_id: TurnId.describe("Its end comes in its streams.") });
  return defineRoute({
    method: "post",
    path: "/api/ai/chat/:id/stop",
    summary: summaries.stop,
    access: "user or developer",
    params: OneChat,
    query: nothing,
    body: nothing,
    responses: {
      200: { description: "It was asked to stop.", content: Stopped },
      204: { description: "Nothing runs." },
    },
    async handle({ caller }, { params: { id } }) {
      const run = await runOf(deps, caller, id);
      const place = run ?? { conversation_id: await conversationOf(deps, caller, id) };
      try {
        return jsonReply(200, { turn_id: await deps.commands.cancel(caller, place) });
      } catch (error) {
        if (!(error instanceof ChatError) || error.code !== "NOT_FOUND") throw error;
        return { status: 204, body: "" };
      }
    },
  });
}

function approveRoute(deps: AiSdkDeps): Route {
  const { approved, reason, confirm } = ApproveFrame.shape;
  return defineRoute({
    method: "post",
    path: "/api/ai/chat/:id/approvals/:call_id",
    summary: summaries.approve,
    access: "user or developer",
    params: OneChat.extend({ call_id: CallId }),
    query: nothing,
    body: z.object({ approved, reason: reason.nullish(), confirm: confirm.nullish() }),
    responses: { 204: { description: "It was decided so, now or before. The stream of the answer goes on." } },
    async handle({ caller }, { params: { id, call_id }, body }) {
      const conversation_id = await conversationOf(deps, caller, id);
      const said = { ...given("reason", body.reason), ...given("confirm", body.confirm) };
      await deps.commands.approve(caller, { conversation_id, call_id, approved: body.approved, ...said });
      return { status: 204, body: "" };
    },
  });
}
