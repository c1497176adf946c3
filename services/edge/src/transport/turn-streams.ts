import type { Bus } from "@parley/bus";
import {
  createSpeechDialect,
  createTurnWatch,
  sayWhole,
  type TurnPlace,
  type TurnSpeech,
  type TurnStep,
  type TurnWatch,
} from "@parley/dialects";
import {
  ChatError,
  chatErrorOf,
  closeCodes,
  createTurnView,
  createView,
  foldFrame,
  messagesOf,
  toChatError,
  turn as turnIn,
  type Caller,
  type ConversationId,
  type Parts,
  type ToolCallPart,
  type TurnView,
} from "@parley/protocol";
import { turnIdOf } from "@parley/protocol/turn-id";
import type { Logger } from "@parley/runtime";
import { newPostOf } from "../commands/posting.ts";
import type { Commands } from "../commands/commands.ts";
import type { HubConnection } from "../hub/hub.ts";
import { closedWith, endOnlySink } from "./answer-viewer.ts";
import { openEventStream } from "./event-stream.ts";
import { waitedTooLong, type HttpTurnDeps, type Question } from "./http-turns.ts";
import type { Reply } from "./reply.ts";
import type { Call } from "./route.ts";
import { eventStreamHeaders } from "./sse-sink.ts";
import { stopWhenGone } from "./stop-turn.ts";

export interface TurnStreamDeps extends HttpTurnDeps {
  readonly bus: Pick<Bus, "events" | "turns" | "facts" | "transcripts">;
  readonly commands: Pick<Commands, "message" | "cancel">;
  readonly log: Logger;
}

export type TurnStreams = ReturnType<typeof createTurnStreams>;

/** A message to be sent, or a turn that is there. */
export type StreamTarget = { readonly question: Question } | { readonly place: TurnPlace };

export interface StreamHow {
  readonly speech: TurnSpeech;
  /** Headers of the answer beside those of every stream of events. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Called when all of it was sent, with its end: not when its client left before that, or it was cut. */
  readonly onWhole?: () => void;
  /** A client that goes away has the turn stopped, also before its message is in the queue. Default: it cancels nothing. */
  readonly stopsWhenGone?: boolean;
}

/** How a turn stands when nothing more is to be waited for. */
export interface Settled {
  readonly place: TurnPlace;
  /** With an outcome: it has ended. Without: it waits for people. */
  readonly turn: TurnView;
}

export interface SettleHow {
  /** Also when it waits for people, or for their words on such calls: for protocols that have a word for it. */
  readonly stopsAtWait: boolean | ((calls: readonly ToolCallPart[]) => boolean);
  /** As it stands: a message when it is accepted, a turn when it is first seen. */
  readonly stopsAtOnce?: boolean;
  /** What the client has already, see `TurnStepsOptions`: the waits in it are no end. */
  readonly has?: Parts;
  /** As of streams. */
  readonly stopsWhenGone?: boolean;
  /** At most so long. Default: as long as a request may wait. */
  readonly withinMs?: number;
  /** Called when the turn is known. */
  readonly onAccepted?: (place: TurnPlace) => void;
  /** What happens to the answer, when it happens. */
  readonly onSteps?: (steps: readonly TurnStep[]) => void;
  /** To look no further; the turn goes on. Its reason, a ChatError, is what is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * Turns for protocols that are not ours: each request looks at one turn, as a speech says it. The turn's id is made of the message's id, so a message that comes
 * again is looked at again. What is thrown before the first byte is the answer.
 */
export function createTurnStreams(deps: TurnStreamDeps) {
  const { bus, ownership } = deps;
  return {
    /** Streams a turn from its beginning to its end, or to where its speech ends. */
    async stream(call: Call, target: StreamTarget, how: StreamHow): Promise<Reply | undefined> {
      const { speech, headers = {}, onWhole } = how;
      const watch = createTurnWatch();
      const ended = "place" in target ? await begun(deps, call.caller, target.place) : undefined;
      if (ended !== undefined && onWhole === undefined) return endedReply(ended, how);
      if (ended !== undefined) return endedStream(deps, call, ended, how);
      if ("place" in target) watch.begin(target.place);
      return openEventStream(deps, call, {
        dialectOf: (ends) => createSpeechDialect(watch, speech, ends),
        begin: (connection) => begin(deps, call, connection, { ...how, target }),
        headers,
        isWholeOrCut: true,
        onWhole,
      });
    },

    /** Waits for the end of a turn, at most as long as a request may. Throws ChatError where that cannot be waited for; the turn goes on. */
    async settle(call: Call, target: StreamTarget, how: SettleHow): Promise<Settled> {
      const ended = "place" in target ? await begun(deps, call.caller, target.place) : undefined;
      return ended ?? settle(deps, call, target, how);
    },

    /** The first turn of a conversation that runs or waits. Throws FORBIDDEN; undefined also where the conversation does not exist. */
    async active(caller: Caller, conversation: ConversationId): Promise<TurnPlace | undefined> {
      if (!(await ownership.isOwn(conversation, caller))) {
        await ownership.check(conversation, caller, "conversation:read").catch(passNotFound);
        return undefined;
      }
      for (const queued of await bus.turns.waiting(conversation)) {
        if (!(await bus.turns.hasEnded(queued)))
          return { conversation_id: conversation, turn_id: queued.request.turn_id };
      }
      return undefined;
    },

    /** The turn that a message with this id is, or would be. */
    placeOf: ({ user }: Caller, conversation: ConversationId, messageId: string): TurnPlace => ({
      conversation_id: conversation,
      turn_id: turnIdOf(user.id, conversation, messageId),
    }),

    /** A turn that has ended, as it is kept; undefined: it has not, or is not known. Throws FORBIDDEN and NOT_FOUND. */
    async ended(caller: Caller, place: TurnPlace): Promise<TurnView | undefined> {
      await ownership.check(place.conversation_id, caller, "conversation:read");
      return storedTurn(deps, place);
    },
  };
}

function passNotFound(error: unknown): void {
  if (!(error instanceof ChatError) || error.code !== "NOT_FOUND") throw error;
}

interface Beginning extends Pick<StreamHow, "stopsWhenGone"> {
  readonly target: StreamTarget;
}

function begin(
  deps: TurnStreamDeps,
  call: Call,
  connection: HubConnection,
  { target, stopsWhenGone }: Beginning,
): Promise<void> {
  const { commands, viewing } = deps;
  const { caller, exchange } = call;
  const begun =
    "question" in target
      ? commands.message(connection, caller, target.question, { parent: exchange.header("traceparent") })
      : viewing.follow(connection, target.place.conversation_id, undefined);
  if (stopsWhenGone === true) stopWhenGone(deps, call, placeOf(caller, target), begun);
  return begun;
}

function placeOf({ user }: Caller, target: StreamTarget): TurnPlace {
  if ("place" in target) return target.place;
  const { conversation_id, id } = target.question;
  return { conversation_id, turn_id: turnIdOf(user.id, conversation_id, id) };
}

/** The turn, if it has ended. Throws NOT_FOUND when it neither waits in the queue nor is kept. */
async function begun(deps: TurnStreamDeps, caller: Caller, place: TurnPlace): Promise<Settled | undefined> {
  const { conversation_id, turn_id } = place;
  await deps.ownership.check(conversation_id, caller, "conversation:read");
  const isQueued = (await deps.bus.turns.waiting(conversation_id)).some(({ request }) => request.turn_id === turn_id);
  const turn = await storedTurn(deps, place);
  if (turn !== undefined) return { place, turn };
  if (isQueued) return undefined;
  throw new ChatError("NOT_FOUND", { message: "There is no such answer." });
}

/** The fact of the message is kept for days, and says how far it is to be looked back; what is older is looked for in all that is kept. */
async function storedTurn(
  { bus: { facts, transcripts } }: TurnStreamDeps,
  { conversation_id, turn_id }: TurnPlace,
): Promise<TurnView | undefined> {
  const said = await facts.readStored("said", { conversation: conversation_id, turn: turn_id });
  const view = { ...createView(conversation_id), turns: [createTurnView(turn_id)] };
  if (said?.fact.kind === "said" && said.fact.post === true)
    return turnIn(foldFrame(view, { type: "post", ...newPostOf(said.fact), n: 1, seq: 1 }), turn_id);
  const stored = await transcripts.find(conversation_id, turn_id, said?.storedMs ?? 0);
  if (stored?.answer === undefined) return undefined;
  const whole = { conversation_id, seq: 1, ts: 0, status: "idle", messages: messagesOf([stored]) };
  return turnIn(foldFrame(view, { type: "snapshot", ...whole }), turn_id);
}

/** All of it at once. */
function endedReply({ place, turn }: Settled, { speech, headers = {} }: StreamHow): Reply {
  const body = Buffer.concat(sayWhole(turn, place, speech).bytes);
  return { status: 200, headers: { ...eventStreamHeaders, ...headers }, body };
}

/** All of it as fast as its client reads: of a reply nobody knows when it has left. */
function endedStream(deps: TurnStreamDeps, call: Call, { place, turn }: Settled, how: StreamHow): Promise<undefined> {
  const { speech, headers = {}, onWhole } = how;
  return openEventStream(deps, call, {
    dialectOf: (ends) => createSpeechDialect(createTurnWatch(), speech, ends),
    async begin(_connection, sink) {
      const { bytes, next } = sayWhole(turn, place, speech);
      if (next === "cut") sink.cut();
      else sink.finish();
      sink.cork(() => {
        for (const piece of bytes) sink.send(piece, false);
      });
    },
    headers,
    isWholeOrCut: true,
    onWhole,
  });
}

async function settle(deps: TurnStreamDeps, call: Call, target: StreamTarget, how: SettleHow): Promise<Settled> {
  const { viewers } = deps;
  const { caller, exchange } = call;
  const watch = createTurnWatch();
  if ("place" in target) watch.begin(target.place);
  const { speech, ends, settled, giveUp } = createSettling(watch, how);
  const tooLong = (): void => giveUp(waitedTooLong(watch.turn));
  const timer = how.withinMs === undefined ? undefined : setTimeout(tooLong, how.withinMs);
  const connection = viewers.open({
    caller,
    whence: exchange.whence,
    dialect: createSpeechDialect(watch, speech, ends),
    sink: endOnlySink(giveUp),
    onDeadline: tooLong,
    transport: "request",
  });
  exchange.onGone(() => {
    // Whoever waits for this lets go of what it holds; nobody reads the answer.
    giveUp(closedWith(closeCodes.goingAway));
    viewers.close(connection, "client");
  });
  const stop = (): void => giveUp(toChatError(how.signal?.reason));
  how.signal?.addEventListener("abort", stop);
  try {
    await begin(deps, call, connection, { ...how, target });
    if (how.signal?.aborted === true) stop();
    return await settled;
  } catch (thrown) {
    viewers.close(connection, "error");
    throw thrown;
  } finally {
    clearTimeout(timer);
    how.signal?.removeEventListener("abort", stop);
    viewers.close(connection, "answered");
  }
}

/** A speech that says nothing, and knows when nothing more is to be waited for. */
function createSettling(watch: TurnWatch, { stopsAtWait, stopsAtOnce = false, has, onAccepted, onSteps }: SettleHow) {
  const { promise: settled, resolve, reject: giveUp } = withResolvers<Settled>();
  const stopsAt = typeof stopsAtWait === "function" ? stopsAtWait : (): boolean => stopsAtWait;
  const isLast = (step: TurnStep): boolean => step.type === "ended" || (step.type === "waiting" && stopsAt(step.calls));
  const speech: TurnSpeech = {
    name: "settled",
    steps: { takesBack: "any", ...(has === undefined ? {} : { has }) },
    say(steps, place) {
      if (steps.some(({ type }) => type === "started")) onAccepted?.(place);
      onSteps?.(steps);
      return { bytes: [], next: stopsAtOnce || steps.some(isLast) ? "end" : "more" };
    },
    refuse(error) {
      giveUp(chatErrorOf(error));
      return [];
    },
  };
  const onEnd = (): void => {
    const { place, turn } = watch;
    if (place !== undefined && turn !== undefined) resolve({ place, turn });
  };
  return { speech, settled, giveUp, ends: { onEnd, onCut: onEnd } };
}

/** Node 20 has no `Promise.withResolvers`. */
function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: ChatError) => void = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  // It may fail before anybody waits for it.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
