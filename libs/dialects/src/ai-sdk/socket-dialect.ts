import {
  ChatError,
  isDeeperThan,
  parseWellFormed,
  problemOf,
  type AcceptedFrame,
  type Caller,
  type ClientFrame,
  type ConnectionFrame,
  type ConversationId,
  type FrameError,
  type SnapshotFrame,
  type TurnId,
} from "@parley/protocol";
import { z } from "zod";
import type { Decoded, Dialect } from "../dialect.ts";
import { conversationOfSession, type IsOwn } from "../seed/addresses.ts";
import { createSpeechDialect } from "../turn/speech.ts";
import { createTurnWatch, type TurnPlace, type TurnWatch } from "../turn-watch.ts";
import { ChatBody, ChatName, decodeChat, maxDepth, type Renew } from "./decode.ts";
import { aiSdkDialect, createChunkSpeech } from "./dialect.ts";

/** The frames of `WebSocketChatTransport` of the seventh: several requests on one socket, each with chunks that are numbered from 0 without a gap. */

const RequestId = z.string().min(1).max(128);
const Extra = ChatBody.pick({ agent: true, model: true, confirm: true });
const SendFrame = ChatBody.pick({ messages: true, trigger: true, messageId: true }).extend({
  type: z.literal("send"),
  requestId: RequestId,
  id: ChatName,
  body: Extra.nullish(),
});
const ResumeFrame = z.object({ type: z.literal("resume"), requestId: RequestId, id: ChatName });
const AbortFrame = z.object({ type: z.literal("abort"), requestId: RequestId });
const AnyFrame = z.discriminatedUnion("type", [SendFrame, ResumeFrame, AbortFrame]);
const Addressed = z.object({ requestId: RequestId });

export interface AiSdkSocketOptions {
  readonly isOwn: IsOwn;
  /** Streams that were begun and have not come to their end. */
  readonly begun: {
    begin(turn: TurnId, kind: "first" | "replay"): { ended(): void };
    lastCut(conversation: ConversationId): Promise<TurnId | undefined>;
  };
  readonly renew: Renew;
  /** An `abort` stops the answer. Default: it lets go of it, since the client sends the same when a page only looks away. */
  readonly cancelsOnAbort: boolean;
}

interface Request {
  readonly requestId: string;
  readonly conversation: ConversationId;
  /** The id of the message that is to be accepted. */
  readonly messageId: string | undefined;
  /** It needs to know how the conversation stands before it can be told anything. */
  needsSnapshot: boolean;
  /** It asked for whatever runs; else for this turn, which has ended. */
  readonly resumes: { readonly cut: TurnId | undefined } | undefined;
  readonly watch: TurnWatch;
  readonly said: Dialect;
  begin(isReplay?: boolean): void;
}

type Asked = Omit<Request, "watch" | "said" | "begin">;

/** A client has one for each chat that it streams; more would be somebody who never reads the ends. */
const maxRequests = 32;
/** A client waits for no answer to this. */
const nothingToDo: ClientFrame = { type: "ping" };

export function createAiSdkSocketDialect(options: AiSdkSocketOptions): Dialect {
  const requests = new Map<string, Request>();
  /** The one whose frame is being handled: what is refused without saying of what is of this one. */
  let current: string | undefined;

  const open = (asked: Asked, decided: readonly string[] = [], place?: TurnPlace): void => {
    if (requests.size >= maxRequests && !requests.has(asked.requestId))
      throw new ChatError("OVERLOADED", { message: "Too many answers are streamed on this connection." });
    const { requestId } = asked;
    const watch = createTurnWatch();
    if (place !== undefined) watch.begin(place);
    const speech = createChunkSpeech({ version: 7, decided }, createSocketCarrier(requestId));
    let stream: { ended(): void } | undefined;
    const onCut = (): void => void requests.delete(requestId);
    const onEnd = (): void => {
      onCut();
      stream?.ended();
    };
    const begin = (isReplay = false): void => {
      if (watch.place !== undefined) stream ??= options.begun.begin(watch.place.turn_id, isReplay ? "replay" : "first");
    };
    const said = createSpeechDialect(watch, speech, { onEnd, onCut });
    requests.set(requestId, { ...asked, watch, said, begin });
  };

  return {
    name: aiSdkDialect,
    async decode(text, caller) {
      const value = parseFrame(text);
      current = Addressed.safeParse(value).data?.requestId;
      if (caller === undefined) throw new ChatError("AUTH_REQUIRED");
      const parsed = AnyFrame.safeParse(value);
      if (!parsed.success) throw wrong(problemOf(parsed.error, value));
      if (parsed.data.type === "abort") return abort(requests, parsed.data.requestId, options);
      return ask(options, caller, parsed.data, open);
    },
    isWaitingIn: (conversation) => inConversation(requests, conversation).length > 0,
    turnsIn: (conversation) => inConversation(requests, conversation).flatMap(({ watch }) => watch.in(conversation)),
    encodeEvent: (event) =>
      [...requests.values()]
        .filter(({ needsSnapshot }) => !needsSnapshot)
        .flatMap(({ said }) => said.encodeEvent(event)),
    encodeFrame(frame) {
      if (frame.type === "error" && frame.frame !== "delete") return refused(requests, frame, current);
      return [...requests.values()].flatMap((request) => ofFrame(requests, request, frame));
    },
  };
}

function wrong(problem: string): ChatError {
  return new ChatError("INVALID_FRAME", { message: `The frame is not valid: ${problem}.` });
}

/** Frames carry whole histories: a socket takes them up to its own limit. Throws ChatError INVALID_FRAME. */
function parseFrame(text: string): unknown {
  let value: unknown;
  try {
    value = parseWellFormed(text);
  } catch (cause) {
    throw new ChatError("INVALID_FRAME", { message: "The frame is not JSON.", cause });
  }
  if (isDeeperThan(value, maxDepth)) throw wrong(`it is nested deeper than ${maxDepth} levels`);
  return value;
}

type Open = (asked: Asked, decided?: readonly string[], place?: TurnPlace) => void;

async function ask(
  { isOwn, begun, renew }: AiSdkSocketOptions,
  caller: Caller,
  frame: z.infer<typeof SendFrame> | z.infer<typeof ResumeFrame>,
  open: Open,
): Promise<Decoded> {
  const { requestId, id: chat } = frame;
  const conversation = await conversationOfSession(isOwn, caller, chat);
  const common = { requestId, conversation, messageId: undefined, resumes: undefined, needsSnapshot: true };
  if (frame.type === "resume") {
    const isTheirs = await isOwn(conversation, caller);
    open({ ...common, resumes: { cut: isTheirs ? await begun.lastCut(conversation) : undefined } });
    return { type: "subscribe", conversation_id: conversation };
  }
  const { agent, model, confirm } = frame.body ?? {};
  const asked = decodeChat({ ...frame, confirm });
  if (asked.type === "decisions") {
    const calls = asked.decisions.map(({ call_id }) => call_id);
    // First: where there is no room for the answer, nothing is decided.
    open(common, calls, { conversation_id: conversation, turn_id: asked.turn });
    const words = asked.decisions.map((word) => ({ type: "approve", conversation_id: conversation, ...word }) as const);
    return [...words, { type: "subscribe", conversation_id: conversation }];
  }
  const { message } = asked;
  const { id, ...place } = (await renew(caller, conversation, asked)) ?? { id: asked.id };
  open({ ...common, messageId: id, needsSnapshot: false });
  const chosen = { ...(agent && { agent }), ...(model && { model }) };
  return { type: "message", id, message, conversation_id: conversation, on_busy: "enqueue", ...chosen, ...place };
}

/** Lets go of a request; what it asked for goes on unless the socket was opened to have it stopped. */
function abort(requests: Map<string, Request>, requestId: string, { cancelsOnAbort }: AiSdkSocketOptions): ClientFrame {
  const request = requests.get(requestId);
  requests.delete(requestId);
  const { place } = request?.watch ?? {};
  return cancelsOnAbort && place !== undefined ? { type: "cancel", ...place } : nothingToDo;
}

function inConversation(requests: Map<string, Request>, conversation: ConversationId): Request[] {
  return [...requests.values()].filter((request) => request.conversation === conversation);
}

function ofFrame(
  requests: Map<string, Request>,
  request: Request,
  frame: ConnectionFrame,
): readonly Uint8Array[] | Uint8Array {
  const { conversation, messageId, said, watch } = request;
  if (!("conversation_id" in frame) || frame.conversation_id !== conversation) return [];
  switch (frame.type) {
    case "accepted":
      return frame.id === messageId && watch.place === undefined ? accepted(request, frame) : [];
    case "error":
      return said.encodeFrame(frame);
    case "snapshot":
      return request.needsSnapshot ? firstSnapshot(requests, request, frame) : said.encodeFrame(frame);
    default:
      return [];
  }
}

function accepted({ said, begin }: Request, frame: AcceptedFrame): readonly Uint8Array[] | Uint8Array {
  const bytes = said.encodeFrame(frame);
  begin();
  return bytes;
}

function firstSnapshot(requests: Map<string, Request>, request: Request, frame: SnapshotFrame): Uint8Array[] {
  const { requestId, conversation, resumes, watch, said, begin } = request;
  if (resumes !== undefined) {
    const turn_id = turnToShow(frame, resumes.cut);
    if (turn_id === undefined) return idle(requests, request);
    watch.begin({ conversation_id: conversation, turn_id });
  }
  request.needsSnapshot = false;
  begin(watch.place?.turn_id === resumes?.cut);
  const started = resumes === undefined ? [] : [frameOf({ type: "start", requestId })];
  return [...started, ...[said.encodeFrame(frame)].flat()];
}

/** What runs or waits; else the last answer, if a stream of it was cut. */
function turnToShow({ turn_id, status, messages = [] }: SnapshotFrame, cut: TurnId | undefined): TurnId | undefined {
  if (turn_id !== undefined && status !== "idle") return turn_id;
  const last = messages.at(-1);
  return last?.author.role === "assistant" && last.turn_id === cut ? cut : undefined;
}

function idle(requests: Map<string, Request>, { requestId }: Request): Uint8Array[] {
  requests.delete(requestId);
  return [frameOf({ type: "no-active", requestId })];
}

/** Frames without the name of a request would end the connection of such a client, so what is nobody's is not told. */
function refused(requests: Map<string, Request>, error: FrameError, current: string | undefined): Uint8Array[] {
  const { frame, conversation_id, id, code } = error;
  // Who was removed may look at nothing of it any more, whenever they asked for it.
  const isDismissed = frame === "subscribe" && code === "FORBIDDEN";
  if (frame === "cancel" || frame === "ping") return [];
  const meant = [...requests.values()].filter(
    ({ requestId, messageId, conversation, needsSnapshot, watch }) =>
      (frame === "message" && id === messageId && watch.place === undefined) ||
      (frame === "subscribe" && (needsSnapshot || isDismissed) && conversation === conversation_id) ||
      (frame === "approve" && requestId === current),
  );
  if (meant.length === 0 && current !== undefined && !requests.has(current))
    return [frameOf({ type: "error", requestId: current, errorText: error.error })];
  return meant.flatMap((request) => {
    const { requestId, resumes } = request;
    if (resumes !== undefined && code === "NOT_FOUND") return idle(requests, request);
    requests.delete(requestId);
    return [frameOf({ type: "error", requestId, errorText: error.error })];
  });
}

function frameOf(frame: object): Buffer {
  return Buffer.from(JSON.stringify(frame));
}

const cutText = "The answer was begun anew and differs from what is shown: resume it.";

function createSocketCarrier(requestId: string) {
  let sequence = 0;
  return {
    chunk: (chunk: object) => frameOf({ type: "chunk", requestId, sequence: sequence++, chunk }),
    end: () => frameOf({ type: "end", requestId }),
    cut: () => frameOf({ type: "error", requestId, errorText: cutText }),
  };
}
