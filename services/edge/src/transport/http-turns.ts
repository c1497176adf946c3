import type { Bus } from "@parley/bus";
import { createSseDialect, createTurnWatch, type TerminalEvent, type TurnPlace } from "@parley/dialects";
import {
  ChatError,
  chatErrorOf,
  filesNamed,
  isTerminal,
  parseEventSubject,
  pendingCallsOf,
  subjects,
  type ConversationId,
  type Parts,
  type TurnId,
  type TurnView,
  type Caller,
} from "@parley/protocol";
import { turnIdOf } from "@parley/protocol/turn-id";
import type { Commands } from "../commands/commands.ts";
import type { Ownership } from "../commands/ownership.ts";
import { checkSameText, refuseOther, type SaidContent } from "../commands/submission.ts";
import type { GivenMessageFrame } from "../commands/turn-request.ts";
import type { Viewing } from "../commands/viewing.ts";
import { noCursor, generationOffset, streamSeqOf } from "../cursor.ts";
import { countOne } from "../figures/metrics.ts";
import type { HubConnection } from "../hub/hub.ts";
import { createAnswerViewer } from "./answer-viewer.ts";
import { openEventStream, type EventStreamDeps } from "./event-stream.ts";
import { chatErrorReply, type Reply } from "./reply.ts";
import { namingKey } from "./request-fields.ts";
import type { Call } from "./route.ts";

export interface HttpTurnDeps extends EventStreamDeps {
  readonly commands: Pick<Commands, "message">;
  readonly viewing: Viewing;
  readonly ownership: Ownership;
  readonly bus: Pick<Bus, "events" | "turns" | "facts">;
}

export type HttpTurns = ReturnType<typeof createHttpTurns>;

/** A message with the conversation it belongs to. */
export type Question = GivenMessageFrame & { readonly conversation_id: string };

export interface StreamFrom {
  /** The cursor that the client has. */
  readonly after: number | undefined;
  /** It knows the status `unknown`. */
  readonly isKnowing: boolean;
}

type Answered = Exclude<TerminalEvent, { type: "error" }>;

/** Messages over HTTP: the same turns as over a socket, looked at by a viewer that is there for one of them. */
export function createHttpTurns(deps: HttpTurnDeps) {
  return {
    /** Waits for the end. A client that goes away does not cancel. Throws what the message handler throws. */
    async answer(
      { caller, exchange }: Call,
      question: Question,
      toReply: (end: Answered, parts: Parts) => Reply,
    ): Promise<Reply | undefined> {
      const { viewers, commands, counters } = deps;
      const watch = createTurnWatch();
      const { dialect, sink, ended, giveUp } = createAnswerViewer(watch);
      const onDeadline = (): void => giveUp(waitedTooLong(watch.turn));
      const connection = viewers.open({
        caller,
        whence: exchange.whence,
        dialect,
        sink,
        onDeadline,
        transport: "request",
      });
      exchange.onGone(() => viewers.close(connection, "client"));
      try {
        const parent = exchange.header("traceparent");
        await commands.message(connection, caller, question, { parent }).catch(namingKey(exchange));
        const { end, parts } = await ended;
        return end.type === "error" ? endedInError(end) : toReply(end, parts);
      } catch (thrown) {
        viewers.close(connection, "error");
        if (!(thrown instanceof ChatError)) throw thrown;
        countOne(counters.errors, thrown.code);
        return chatErrorReply(thrown, watch.place);
      } finally {
        viewers.close(connection, "answered");
      }
    },

    /** Streams the conversation from the message on, to the end of its turn; or from a cursor that the client has. */
    stream: (call: Call, question: Question, from: StreamFrom): Promise<Reply | undefined> =>
      stream(deps, call, question, from),
  };
}

async function stream(
  deps: HttpTurnDeps,
  { caller, exchange }: Call,
  question: Question,
  { after, isKnowing }: StreamFrom,
): Promise<Reply | undefined> {
  const { commands, viewing } = deps;
  const resumed =
    after === undefined ? undefined : await turnToResume(deps, caller, question, after).catch(namingKey(exchange));
  if (resumed === "has all") return { status: 204, body: "" };
  const watch = createTurnWatch();
  if (resumed !== undefined) watch.begin(resumed);
  const begin = (connection: HubConnection): Promise<void> =>
    resumed === undefined
      ? commands
          .message(connection, caller, question, { parent: exchange.header("traceparent") })
          .catch(namingKey(exchange))
      : viewing.follow(connection, question.conversation_id, resumed.after);
  return openEventStream(
    deps,
    { caller, exchange },
    { dialectOf: ({ onEnd }) => createSseDialect(watch, onEnd, isKnowing), begin },
  );
}

/** The turn goes on, or waits on: the same request with the same key waits for it again. */
export function waitedTooLong(turn: TurnView | undefined): ChatError {
  const [pending] = turn === undefined ? [] : pendingCallsOf(turn);
  const message =
    pending === undefined
      ? "The answer takes longer than a request may wait. It goes on: ask again, or fetch the messages later."
      : `The answer waits for a person's word on the call ${pending.call_id}, for longer than a request may wait. Decide on it, then ask again, or fetch the messages later.`;
  return new ChatError("MODEL_TIMEOUT", { message, retryAfterMs: 1_000 });
}

function endedInError(end: Extract<TerminalEvent, { type: "error" }>) {
  const { conversation_id, turn_id } = end;
  return chatErrorReply(chatErrorOf(end), { conversation_id, turn_id });
}

interface Resumed extends TurnPlace {
  /** The cursor to go on from; undefined: with the whole conversation. */
  readonly after: number | undefined;
}

/** The turn of a question that was asked before. Throws NOT_FOUND when it is not known any more, CONFLICT when it was another question. */
async function turnToResume(
  { bus, ownership }: HttpTurnDeps,
  caller: Caller,
  question: Question,
  after: number,
): Promise<Resumed | "has all"> {
  const { events, turns } = bus;
  const { conversation_id, id } = question;
  await ownership.check(conversation_id, caller, "conversation:read");
  const turn_id = turnIdOf(caller.user.id, conversation_id, id);
  const shard = events.shardOf(conversation_id);
  const [begun, newest] = await Promise.all([
    events.last(subjects.user(shard, conversation_id, turn_id)),
    events.last(subjects.agent(shard, conversation_id, turn_id)),
  ]);
  const queued = async () =>
    (await turns.waiting(conversation_id)).find(({ request }) => request.turn_id === turn_id)?.request;
  const first = begun?.event ?? (await queued());
  const posted = first === undefined && (await isPost(bus, question, turn_id));
  // It has ended: all there is says so.
  if (posted) return { conversation_id, turn_id, after: undefined };
  if (first === undefined) {
    throw new ChatError("NOT_FOUND", { message: "There is no such answer to go on with: fetch the messages." });
  }
  checkSameText(saidContentOf(question), first);
  if (newest === undefined || !isTerminal(newest.event.type)) return { conversation_id, turn_id, after };
  const { createdMs, firstSeq, lastSeq } = await events.state(shard);
  const seq = streamSeqOf(after, { offset: generationOffset(createdMs), firstSeq, lastSeq });
  if (seq === noCursor || seq < newest.seq) return { conversation_id, turn_id, after };
  // A stream ends with its turn: a client that has a later event never got the end, which came late, and needs the whole.
  const isPast = seq > newest.seq && (await isEventOf(events, conversation_id, seq));
  return isPast ? { conversation_id, turn_id, after: undefined } : "has all";
}

/** Throws CONFLICT when it was another text. */
async function isPost({ facts }: Pick<Bus, "facts">, question: Question, turn: TurnId): Promise<boolean> {
  const said = await facts.read("said", { conversation: question.conversation_id, turn });
  if (said?.kind !== "said" || said.post !== true) return false;
  refuseOther(saidContentOf(question), said);
  return true;
}

function saidContentOf({ message, parts, files }: Question): SaidContent {
  return { message, files: files ?? filesNamed(parts).map((file_id) => ({ file_id })) };
}

async function isEventOf(events: Bus["events"], conversation: ConversationId, seq: number): Promise<boolean> {
  const subject = await events.subjectAt(events.shardOf(conversation), seq);
  return subject !== undefined && parseEventSubject(subject)?.conversation === conversation;
}
