import {
  ChatError,
  chatErrorOf,
  isDeeperThan,
  parseWellFormed,
  problemOf,
  type ApproveFrame,
  type Caller,
  type ClientFrame,
  type ConnectionFrame,
  type ConversationId,
  type FrameError,
} from "@parley/protocol";
import { z } from "zod";
import type { Decoded, Dialect, Encoded } from "../dialect.ts";
import { openAiErrorOf, paramError } from "../openai/error.ts";
import { createSpeechDialect } from "../turn/speech.ts";
import { createTurnWatch, type TurnPlace, type TurnWatch } from "../turn-watch.ts";
import { ResponsesRequest } from "./decode.ts";
import { createResponsesSpeech, type ResponseKnown, type ResponsesCarrier } from "./dialect.ts";

/**
 * The WebSocket mode of the Responses API (OpenAI's guide; Open Responses, "WebSocket Transport"): each text frame of a client asks for a response, as the body of a
 * request does, and gets the events that a stream would have. They come one response after another: the events do not say whose they are.
 */

export const responsesDialect = "responses";

/** What a frame asks for. */
export interface SocketResponse {
  /** What people decided, before it is asked for; none is handled behind one that is refused. */
  readonly decisions?: readonly (ApproveFrame & { readonly conversation_id: ConversationId })[];
  /** Asks for it. */
  readonly frame: ClientFrame & { readonly conversation_id: ConversationId };
  readonly known: ResponseKnown;
  /** The turn that it is the rest of; undefined: one that the frame begins. */
  readonly turn: TurnPlace | undefined;
}

/** What a socket asks for, and what it remembers of that. */
export interface ResponsesSession {
  /** Looks things up, and performs nothing: whether the caller may still ask is checked when the frames are handled. Throws ChatError, with the `param` that is at fault. */
  begin(caller: Caller, body: ResponsesRequest): Promise<SocketResponse>;
  /** What was begun last did not become a response, or one that failed. */
  failed(): void;
  /** The socket has closed. */
  closed(): void;
}

const Create = ResponsesRequest.extend({
  type: z.literal("response.create", { error: "must be `response.create`" }),
  /** OpenAI's way to have a model made ready. */
  generate: z.literal(true, { error: "must be true: there is nothing to be warmed up here" }).nullish(),
});

/** Schemas of tools, and what they stand in. */
const maxDepth = 64;

interface Current extends SocketResponse {
  readonly watch: TurnWatch;
  readonly said: Dialect;
  /** The rest of a turn begins with a snapshot of it: until then its events say nothing to whoever lacks what was before them. */
  needsSnapshot: boolean;
}

/** One response at a time. */
function createPlace(session: ResponsesSession) {
  let current: Current | undefined;
  let onIdle: (() => void) | undefined;
  const leave = (): void => {
    current = undefined;
    onIdle?.();
  };

  return {
    get current(): Current | undefined {
      return current;
    },
    /** A client's frames are handled one at a time, so no more than one waits here. */
    idle: (): Promise<void> =>
      current === undefined ? Promise.resolve() : new Promise((resolve) => (onIdle = resolve)),

    enter(asked: SocketResponse): void {
      const watch = createTurnWatch();
      if (asked.turn !== undefined) watch.begin(asked.turn);
      const speech = createResponsesSpeech(asked.known, createCarrier(session));
      const said = createSpeechDialect(watch, speech, { onEnd: leave, onCut: leave });
      current = { ...asked, watch, said, needsSnapshot: asked.turn !== undefined };
    },

    /** It did not become a response. */
    refuse(error: ChatError): Uint8Array[] {
      session.failed();
      leave();
      return [errorFrame(error)];
    },
  };
}

export function createResponsesSocketDialect(session: ResponsesSession): Dialect {
  const place = createPlace(session);
  /** Why the frame that is handled cannot be answered: the frame that tells it does not know which field was at fault. */
  let refusal: ChatError | undefined;

  const begin = async (text: string, caller: Caller | undefined): Promise<Decoded> => {
    if (caller === undefined) throw new ChatError("AUTH_REQUIRED");
    await place.idle();
    const { type: _type, generate: _generate, ...body } = readFrame(text);
    // There is no other way here than to stream, and nothing that has to wait.
    const asked = await session.begin(caller, { ...body, stream: true, background: false });
    place.enter(asked);
    return [...(asked.decisions ?? []), asked.frame];
  };

  return {
    name: responsesDialect,
    async decode(text, caller) {
      try {
        return await begin(text, caller);
      } catch (thrown) {
        refusal = thrown instanceof ChatError ? thrown : undefined;
        throw thrown;
      }
    },
    isWaitingIn: (conversation) => place.current?.frame.conversation_id === conversation,
    turnsIn: (conversation) => place.current?.watch.in(conversation) ?? [],
    encodeEvent: (event) => (place.current?.needsSnapshot === false ? place.current.said.encodeEvent(event) : []),
    encodeFrame(frame) {
      const told = refusal;
      refusal = undefined;
      if (frame.type === "error" && told !== undefined) return [errorFrame(told)];
      return encodeFrame(place, frame);
    },
    closed: session.closed,
  };
}

/** Throws ChatError INVALID_FRAME, with the field that is at fault. */
function readFrame(text: string): z.infer<typeof Create> {
  let value: unknown;
  try {
    value = parseWellFormed(text);
  } catch (cause) {
    throw new ChatError("INVALID_FRAME", { message: "The frame is not JSON.", cause });
  }
  if (isDeeperThan(value, maxDepth)) throw paramError("", `It is nested deeper than ${maxDepth} levels.`);
  const { data, error } = Create.safeParse(value);
  if (data !== undefined) return data;
  throw new ChatError("INVALID_FRAME", {
    message: `The frame is not valid: ${problemOf(error, value)}.`,
    cause: error,
  });
}

function encodeFrame(place: ReturnType<typeof createPlace>, frame: ConnectionFrame): Encoded {
  const { current } = place;
  if (frame.type === "auth_error")
    return [errorFrame(chatErrorOf({ ...frame, error: frame.message, retryable: false }))];
  if (frame.type === "error") return encodeError(place, frame);
  if (current === undefined || !("conversation_id" in frame)) return [];
  if (frame.conversation_id !== current.frame.conversation_id) return [];
  if (frame.type === "snapshot") {
    current.needsSnapshot = false;
    return current.said.encodeFrame(frame);
  }
  const isAccepted = frame.type === "accepted" && current.frame.type === "message" && frame.id === current.frame.id;
  return isAccepted && current.watch.place === undefined ? current.said.encodeFrame(frame) : [];
}

function encodeError(place: ReturnType<typeof createPlace>, error: FrameError): Encoded {
  const { current } = place;
  const isOfCurrent = current !== undefined && error.conversation_id === current.frame.conversation_id;
  if (error.frame === "delete") return isOfCurrent ? current.said.encodeFrame(error) : [];
  if (isOfCurrent && isAskedBy(current, error.frame)) return place.refuse(chatErrorOf(error));
  return [errorFrame(chatErrorOf(error))];
}

function isAskedBy({ frame, decisions = [] }: SocketResponse, refused: string | undefined): boolean {
  return refused === frame.type || (refused === "approve" && decisions.length > 0);
}

/** In the form of the API's errors, but for the status, which is that of a request. */
function errorFrame(error: ChatError): Buffer {
  return Buffer.from(JSON.stringify({ type: "error", status: error.status, ...openAiErrorOf(error) }));
}

/** An event is a frame; nothing says that there will be none, as the last event says it. */
function createCarrier({ failed }: ResponsesSession): ResponsesCarrier {
  return {
    events(events) {
      if (events.some(({ type }) => type === "response.failed")) failed();
      return events.map((event) => Buffer.from(JSON.stringify(event)));
    },
    error(error) {
      failed();
      return [errorFrame(error)];
    },
  };
}
