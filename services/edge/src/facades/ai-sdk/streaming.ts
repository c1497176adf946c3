import {
  AiSdkVersion,
  aiSdkHeaders,
  ChatName,
  conversationOfSession,
  placeOfRun,
  runIdOf,
  stepOfCall,
  type AskedOfChat,
  type ChatBody,
  type RunPlace,
  type TurnSpeech,
} from "@parley/dialects";
import { ChatError, type CallId, type Caller, type ConversationId } from "@parley/protocol";
import { z } from "zod";
import type { BegunStream, BegunStreams, StreamKind } from "../../transport/begun-streams.ts";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Reply } from "../../transport/reply.ts";
import { keyOf } from "../../transport/request-fields.ts";
import { given, type Call } from "../../transport/route.ts";

export interface AiSdkDeps extends Pick<FacadeDeps, "streams" | "commands" | "conversations" | "ownership" | "bus"> {
  readonly begun: BegunStreams;
}

/** Histories come along, with their files: only their last message is read. */
export const maxBodyBytes = 8 * 1024 * 1024;

export const OneChat = z.object({ id: z.string().transform(decoded).pipe(ChatName).describe("The chat's id.") });

export const Versioned = z.object({
  v: AiSdkVersion.default(6).describe("The major version of the package `ai`: 5, 6 or 7. Default: 6."),
});

export const streamText = "A UI message stream, as server-sent events.";

/** The library gives parameters as they stand in the address. Throws INVALID_FRAME. */
function decoded(parameter: string): string {
  try {
    return decodeURIComponent(parameter);
  } catch (cause) {
    throw new ChatError("INVALID_FRAME", { message: "The id in the address is not valid.", cause });
  }
}

export function conversationOf({ ownership }: AiSdkDeps, caller: Caller, chat: string): Promise<ConversationId> {
  return conversationOfSession(ownership.isOwn, caller, chat);
}

/** The turn, where the id is that of one of the caller's; else it is their name of a chat, whatever it looks like. */
export async function runOf({ ownership }: AiSdkDeps, caller: Caller, id: string): Promise<RunPlace | undefined> {
  const place = placeOfRun(id);
  if (place === undefined) return undefined;
  return (await ownership.isOwn(place.conversation_id, caller)) ? place : undefined;
}

/** A stream of a turn, which is noted until it has come to its end. */
export function howOf({ begun }: AiSdkDeps, place: RunPlace, speech: TurnSpeech, kind: StreamKind = "first") {
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

export interface Asking {
  readonly body: ChatBody;
  readonly asked: AskedOfChat;
  /** How the answer is said to this client. `decided`: calls on which it has decided, and has all up to them. */
  speechOf(decided?: readonly CallId[]): TurnSpeech;
}

/** Sends a message, or decides, and streams what follows. The same message, or the same words, again are no other ones: it can be asked again. */
export async function ask(deps: AiSdkDeps, call: Call, { body, asked, speechOf }: Asking): Promise<Reply | undefined> {
  const { streams, commands } = deps;
  const conversation_id = await conversationOf(deps, call.caller, body.id);
  if (asked.type === "decisions") {
    for (const decision of asked.decisions) await commands.approve(call.caller, { conversation_id, ...decision });
    const calls = asked.decisions.map(({ call_id }) => call_id);
    const place = { conversation_id, turn_id: asked.turn, behind: stepOfCall(calls.at(-1) ?? "") };
    return streams.stream(call, { place }, howOf(deps, place, speechOf(calls)));
  }
  const { message, files } = asked;
  const renewed = await commands.renew(call.caller, conversation_id, asked);
  const id = renewed === undefined ? asked.id : (keyOf(call.exchange) ?? renewed.id);
  const chosen = { ...given("agent", body.agent), ...given("model", body.model) };
  const supersedes = renewed === undefined ? {} : { supersedes: renewed.supersedes };
  const asking = { type: "message", id, message, conversation_id, on_busy: "enqueue" } as const;
  const question = { ...asking, ...chosen, ...supersedes, ...given("brought", files) };
  const place = streams.placeOf(call.caller, conversation_id, id);
  return streams.stream(call, { question }, howOf(deps, place, speechOf()));
}

/** What there is to show of a chat. */
export interface Shown {
  readonly place: RunPlace;
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

/** By the name of a chat, or of a turn. */
export async function shownBy(deps: AiSdkDeps, caller: Caller, id: string): Promise<Shown | undefined> {
  const run = await runOf(deps, caller, id);
  return run === undefined ? shownIn(deps, caller, id) : { place: run };
}
