import {
  ChatError,
  TextFact,
  encodeJson,
  fitMessage,
  messageEventOf,
  parseStored,
  streams,
  subjects,
  type MessageEvent,
  type TurnRequest,
} from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import { EventTooLargeError, NoRoomError } from "./appender.ts";
import type { EventLog } from "./event-log.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Unreadable } from "./unreadable.ts";

export interface WaitingTextDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly unreadable: Unreadable;
}

type Address = Pick<TurnRequest, "conversation_id" | "turn_id">;

export type WaitingTexts = ReturnType<typeof createWaitingTexts>;

/**
 * Texts of messages that wait. What decides is a subject among the facts on which the last one counts: an edge appends what its author wants, the worker
 * that begins the turn closes it, and who comes behind that is refused. Turns that came into an idle conversation have none: they never waited.
 */
export function createWaitingTexts(deps: WaitingTextDeps) {
  const { events } = deps;
  const texts = createRecords(deps);
  const subjectOf = ({ conversation_id: conversation, turn_id }: Address): string =>
    subjects.fact(events.shardOf(conversation), conversation, turn_id, { kind: "text" });

  /** What its author wants, unless it is too late. */
  const append = async (address: Address, state: TextFact["state"], message?: string): Promise<TextFact> => {
    let own: TextFact | undefined;
    const appended = await appendBehind<TextFact>(texts, subjectOf(address), (last, tried) => {
      if (tried !== undefined && isSame(last?.value, tried)) return void (own = tried);
      // Asked again: whoever took it back the first time may have died before anybody was told.
      if (state === "taken back" && last?.value?.state === state) return void (own = last.value);
      if (last !== undefined && last.value?.state !== "open") throw tooLate();
      return nextOf(address, last, { state, ...(message === undefined ? {} : { message }) });
    }).catch(tooLargeForMessage);
    const fact = appended?.value ?? own;
    if (fact === undefined) throw tooLate();
    return fact;
  };

  /** Only the last one counts. What cannot be dropped now goes with the next change. */
  const dropEarlier = async (subject: string): Promise<void> => {
    const stream = streams.facts(Number(subject.split(".", 3)[2]));
    await deps.jsm.streams.purge(stream, { filter: subject, keep: 1 }).catch(() => {});
  };

  return {
    /** Undefined: it was never changed, and has not begun. */
    read: async (address: Address): Promise<TextFact | undefined> => (await texts.last(subjectOf(address)))?.value,

    /** The text that is to be answered. Throws CONFLICT when a worker has begun, MESSAGE_TOO_LARGE, and OVERLOADED after 15 s without the broker. */
    async change(address: Address, message: string): Promise<TextFact> {
      const fact = await append(address, "open", message);
      // Else one message, changed again and again, would fill the stream for all: nothing there goes before its time.
      if (fact.n > 1) await dropEarlier(subjectOf(address));
      return fact;
    },

    /** No answer is wanted any more: whoever comes to the turn ends it. Can be repeated. Throws CONFLICT when a worker has begun. */
    takeBack: (address: Address): Promise<TextFact> => append(address, "taken back"),

    /**
     * Nothing can be changed from now on. Returns what counts. Can be repeated, by whichever worker; throws OVERLOADED after 15 s. Where there is no room to
     * say so it is what counts so far: the turn must not wait for room, and edges can store no change either. `unreadable`: a newer version's word counts, and is
     * left alone.
     */
    close: (address: Address): Promise<TextFact | "unreadable"> => close(texts, subjectOf(address), address),

    /** Tells viewers the text of a fact, if nobody has told it or a later one. */
    async tell(request: TurnRequest, { n, message }: Pick<TextFact, "n" | "message">): Promise<void> {
      if (n > 0 && message !== undefined) await tell(events, request, { n, message });
    },
  };
}

/**
 * Behind the message itself: where that was never written, because its edge died, or is forgotten, whoever claims the turn would write it behind the changed
 * one, and it would count.
 */
async function tell(
  events: EventLog,
  request: TurnRequest,
  { n, message }: { readonly n: number; readonly message: string },
): Promise<void> {
  const { conversation_id: conversation, turn_id } = request;
  const shard = events.shardOf(conversation);
  const original = messageEventOf(request);
  const begin = subjects.user(shard, conversation, turn_id);
  await events.ensureWritten(begin, original, (maxBytes) => fitMessage(original, maxBytes));
  const begun = (await events.lastFromLeader(begin))?.seq ?? 0;
  const last = async (subject: string): Promise<LastOne<MessageEvent> | undefined> => {
    const found = await events.lastFromLeader(subject);
    return found && { seq: found.seq, value: found.event.type === "message" ? found.event : undefined };
  };
  const whole: MessageEvent = { ...original, message, changed: n };
  const { type, ...changed } = fitMessage(whole, events.maxBytes());
  const subject = subjects.changedMessage(shard, conversation, turn_id);
  await appendBehind<MessageEvent>({ append: events.append, last: onceUnasked(last) }, subject, (found) => {
    const isTold = found !== undefined && (found.value?.changed ?? 0) >= n && found.seq > begun;
    return isTold ? undefined : { type, ...changed };
  });
}

/** Nearly always there is none: the first append itself asks. */
function onceUnasked<T>(ask: (subject: string) => Promise<T | undefined>): (subject: string) => Promise<T | undefined> {
  let isAsked = false;
  return async (subject) => {
    if (isAsked) return ask(subject);
    isAsked = true;
    return undefined;
  };
}

function createRecords({ jsm, events, unreadable }: WaitingTextDeps) {
  const read = (message: FoundMessage | null): LastOne<TextFact> | undefined => {
    if (message === null) return undefined;
    const value = TextFact.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("fact", message);
    return { seq: message.seq, value };
  };
  return {
    append: events.append,
    last: async (subject: string): Promise<LastOne<TextFact> | undefined> => {
      const stream = streams.facts(Number(subject.split(".", 3)[2]));
      return read(await jsm.streams.getMessage(stream, { last_by_subj: subject }));
    },
  };
}

/** A text that is given counts as one more change; without one, that of the last fact stays. */
async function close(
  texts: ReturnType<typeof createRecords>,
  subject: string,
  address: Address,
): Promise<TextFact | "unreadable"> {
  let final: TextFact | "unreadable" | undefined;
  const appended = await appendBehind<TextFact>({ ...texts, last: onceUnasked(texts.last) }, subject, (last) => {
    if (last !== undefined && last.value === undefined) return void (final = "unreadable");
    if (last?.value !== undefined && last.value.state !== "open") return void (final = last.value);
    return nextOf(address, last, { state: "closed" });
  }).catch(unlessFull);
  if (appended === "full") return soFar(await texts.last(subject), address);
  const fact = appended?.value ?? final;
  if (fact === undefined) throw new ChatError("OVERLOADED");
  return fact;
}

function soFar(last: LastOne<TextFact> | undefined, address: Address): TextFact | "unreadable" {
  return last === undefined ? nextOf(address, undefined, { state: "closed" }) : (last.value ?? "unreadable");
}

function unlessFull(error: unknown): "full" {
  if (error instanceof NoRoomError) return "full";
  throw error;
}

function nextOf(
  { conversation_id, turn_id }: Address,
  last: LastOne<TextFact> | undefined,
  { state, message }: Pick<TextFact, "state" | "message">,
): TextFact {
  const n = (last?.value?.n ?? 0) + (message === undefined ? 0 : 1);
  const text = message ?? last?.value?.message;
  const said = text === undefined ? {} : { message: text };
  return { v: 1, kind: "text", conversation_id, turn_id, n, ...said, state, ts: Date.now() };
}

function isSame(found: TextFact | undefined, own: TextFact): boolean {
  return found !== undefined && Buffer.compare(encodeJson(found), encodeJson(own)) === 0;
}

function tooLate(): ChatError {
  return new ChatError("CONFLICT", { message: "It is too late: this message is being answered, or was." });
}

function tooLargeForMessage(error: unknown): never {
  throw error instanceof EventTooLargeError ? new ChatError("MESSAGE_TOO_LARGE", { cause: error }) : error;
}
