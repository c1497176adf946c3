import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { ChatError, kindOfSubject, limits, subjects } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { z } from "zod";
import { headersOf, type Head } from "./append-headers.ts";
import type { BrokerLink } from "./nats-connection.ts";
import type { SealOptions } from "./seal-places.ts";
import type { Outbox } from "./outbox.ts";

/** What became of one publish to a stream. */
export type AppendResult =
  | { readonly kind: "stored"; readonly seq: number; readonly duplicate: boolean }
  /** The stream said no; `code` is the JetStream error code, e.g. 10071: the expected sequence was wrong. */
  | { readonly kind: "refused"; readonly code: number; readonly description: string }
  /** No answer: it may or may not be stored. */
  | { readonly kind: "unknown" }
  /** Not stored: the broker's disk, or what it may use of it, is full, or the stream cannot write. It may pass when there is room again. */
  | { readonly kind: "no room"; readonly description: string }
  /** Nobody listens on the subject: no stream, or no leader at the moment. Not stored. */
  | { readonly kind: "absent" }
  /** Not stored, and it never will be: at most `maxBytes` of data may be sent with these headers. */
  | TooLarge;

export interface TooLarge {
  readonly kind: "too large";
  readonly bytes: number;
  readonly maxBytes: number;
}

/** What was to be stored is larger than the broker, or Parley itself, takes. Trying again is of no use: the caller cuts it or ends with an error. */
export class EventTooLargeError extends Error {
  readonly maxBytes: number;
  constructor({ bytes, maxBytes }: TooLarge) {
    super(`${bytes} bytes are to be stored where at most ${maxBytes} may be`);
    this.name = "EventTooLargeError";
    this.maxBytes = maxBytes;
  }
}

/** For who cannot wait until there is room again. */
export class NoRoomError extends ChatError {
  constructor(description: string) {
    const message = "The service has no room to store messages at the moment. Try again shortly.";
    super("OVERLOADED", { message, retryAfterMs: 5_000, cause: new Error(description) });
    this.name = "NoRoomError";
  }
}

export interface Append extends SealOptions {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Expected sequence of the last message on this subject (0: none): compare-and-set. */
  readonly expect?: number;
  /** De-duplication id. */
  readonly msgId?: string;
  /** What follows from this message is stored too, and may be larger by so much: then this one is too large already. Default 0. */
  readonly spareBytes?: number;
  /** It may wait a moment for others, to leave with them in one write. For what comes often and is not waited for. */
  readonly joins?: boolean;
}

export interface Appender {
  /**
   * Publishes and waits for the stream's word, at most `timeoutMs` (default 2 s). Never throws for broker trouble. What is too large is logged. A stream
   * that is gone is made again before this resolves, so that the next try can succeed; on a cluster, where it may only be without a leader, soon after.
   */
  append(message: Append, timeoutMs?: number): Promise<AppendResult>;
  /** The largest message now, headers included: our own limit, or the broker's if that is smaller. */
  maxBytes(): number;
  /** What keeps the broker from storing, as sentences; empty when nothing does, as far as the last minute has shown. */
  problems(): string[];
  /** Appends that were refused for want of room. */
  withoutRoom(): number;
  close(): void;
}

/** Of a cluster: another message of the subject is on its way to the copies. It may be stored or, when the leader changes, never. */
export const anotherInProcess = 10_164;
export const wrongLastSequence: ReadonlySet<number> = new Set([10_071, anotherInProcess]);
/** The stream's own limits: `max_msg_size`, and 64 KB of headers. */
const tooLargeForStream: ReadonlySet<number> = new Set([10_054, 10_097]);
/** Resources of the account, memory and storage of the server are used up. */
const outOfResources: ReadonlySet<number> = new Set([10_002, 10_023, 10_028, 10_047]);
/** "The store failed": a full disk, but also a limit of the stream, which is no fault of the broker and only its text can tell apart. */
const storeFailed = 10_077;
const perSubject = "maximum messages per subject exceeded";

const PubAck = z.object({
  seq: z.number().optional(),
  duplicate: z.boolean().optional(),
  error: z.object({ err_code: z.number().default(0), description: z.string().default("") }).optional(),
});

interface Waiting {
  readonly resolve: (result: AppendResult) => void;
  readonly deadline: number;
  readonly message: Append;
}

const sweepMs = 100;
/** Streams with bounds of their own: what they refuse says nothing of the broker's room. */
const { allFacts, allRevoked, allAudit, allFileBytes } = subjects;
const boundedKinds = new Set([allFacts(0), allRevoked, allAudit, ...allFileBytes].map(kindOfSubject));

interface AppenderDeps {
  readonly log: Logger;
  /** Called when a stream is not there, to make it again. */
  readonly restore: () => Promise<void>;
}

/**
 * A pipeline of acknowledged publishes over one inbox subscription: two to four times the throughput of the client library's own
 * `publish`, which makes a subscription and timer per call. One sweep timer serves all deadlines.
 */
export function createAppender(
  { nc, onReconnect }: BrokerLink,
  outbox: Outbox,
  { log, restore }: AppenderDeps,
): Appender {
  const inbox = createInbox();
  const waiting = new Map<string, Waiting>();
  const storage = createStorageWatch(log);

  const settle = (id: string, result: AppendResult): void => {
    const entry = waiting.get(id);
    if (entry === undefined) return;
    waiting.delete(id);
    if (result.kind === "too large") reportTooLarge(entry.message, result, log);
    // One of them that is full refuses what is new there, and everything else goes on.
    if (result.kind !== "no room" || !boundedKinds.has(kindOfSubject(entry.message.subject))) storage.saw(result);
    if (result.kind === "absent")
      restore().then(
        () => entry.resolve(result),
        () => entry.resolve(result),
      );
    else entry.resolve(result);
  };
  const settleAll = (): void => [...waiting.keys()].forEach((id) => settle(id, { kind: "unknown" }));
  const subscription = subscribeSafely(nc, `${inbox}.*`, log, (message) => {
    const id = message.subject.slice(inbox.length + 1);
    settle(id, resultOf(message, waiting.get(id)?.message.data.length ?? 0));
  });
  const send = createSending({ nc, inbox, outbox }, waiting, settle);
  const sweep = startSweep(waiting, (id) => settle(id, { kind: "unknown" }));
  // Answers to what was sent before the connection broke will never come: let the callers retry now, not at their deadline.
  const stopListening = onReconnect(() => {
    settleAll();
    storage.reconnected();
  });

  return {
    append: (message, timeoutMs = 2_000) => new Promise((resolve) => send(message, { resolve, timeoutMs })),
    maxBytes: () => maxMessageBytes(nc),
    problems: storage.problems,
    withoutRoom: storage.withoutRoom,
    close() {
      clearInterval(sweep);
      stopListening();
      subscription.unsubscribe();
      settleAll();
    },
  };
}

interface SendingDeps {
  readonly nc: NatsConnection;
  readonly inbox: string;
  readonly outbox: Outbox;
}

/** Sends one message after the other, each with an id of its own under which its answer comes. */
function createSending(
  { nc, inbox, outbox }: SendingDeps,
  waiting: Map<string, Waiting>,
  settle: (id: string, result: AppendResult) => void,
) {
  let next = 0;
  return (message: Append, { resolve, timeoutMs }: Pick<Waiting, "resolve"> & { timeoutMs: number }): void => {
    const head = headersOf(message);
    const maxBytes = maxMessageBytes(nc) - (head?.bytes ?? 0) - (message.spareBytes ?? 0);
    const id = String(next++);
    waiting.set(id, { resolve, deadline: performance.now() + timeoutMs, message });
    const bytes = message.data.length;
    if (bytes > maxBytes) return settle(id, { kind: "too large", bytes, maxBytes });
    const onFailure = (): void => settle(id, { kind: "unknown" });
    const sendNow = (): void => {
      // Given up while it waited in the outbox: then it is not sent, and whoever tries again sends it anew.
      if (waiting.has(id)) publish(nc, message, { reply: `${inbox}.${id}`, head, onFailure });
    };
    if (message.joins === true) outbox.join(sendNow);
    else outbox.send(sendNow);
  };
}

/** A process that is not ready is asked nothing, and would never learn that the broker stores again: after so long it is ready to try. */
const troubleHoldMs = 60_000;
/** nats-server 2.9.10 hangs when its disk is full: it holds every connection, and answers nothing about streams until it is killed. */
const unansweredInRow = 3;

/** Whether the broker stores, as the last appends have shown. One line in the log when it does not any more, and one when it does again. */
function createStorageWatch(log: Logger) {
  let troubleMs = -Infinity;
  let reason: string | undefined;
  let withoutRoom = 0;
  let unanswered = 0;
  const fails = (why: string): void => {
    troubleMs = performance.now();
    if (reason === undefined) log.error({ reason: why }, "the broker does not store");
    reason = why;
  };
  return {
    withoutRoom: (): number => withoutRoom,
    saw(result: AppendResult): void {
      unanswered = result.kind === "unknown" ? unanswered + 1 : 0;
      if (result.kind === "no room") {
        withoutRoom++;
        fails(`The broker has no room to store: ${result.description}.`);
      } else if (unanswered >= unansweredInRow) fails("The broker does not confirm what it is to store.");
      else if (result.kind === "stored" && reason !== undefined) {
        log.warn("the broker stores again");
        reason = undefined;
      }
    },
    /** What was on its way when the connection broke says nothing about the broker. */
    reconnected: (): unknown => (unanswered = 0),
    problems: (): string[] => (reason === undefined || performance.now() - troubleMs > troubleHoldMs ? [] : [reason]),
  };
}

/** An exception in a callback would stop the client's read loop for good. */
function subscribeSafely(nc: NatsConnection, subject: string, log: Logger, onMessage: (message: Msg) => void) {
  return nc.subscribe(subject, {
    callback: (error, message) => {
      try {
        if (error === null) onMessage(message);
      } catch (err) {
        log.error({ err }, "an acknowledgement could not be read");
      }
    },
  });
}

function startSweep(waiting: ReadonlyMap<string, Waiting>, giveUp: (id: string) => void): NodeJS.Timeout {
  return setInterval(() => {
    const now = performance.now();
    for (const [id, { deadline }] of waiting) if (deadline <= now) giveUp(id);
  }, sweepMs).unref();
}

function reportTooLarge({ subject }: Append, { bytes, maxBytes }: TooLarge, log: Logger): void {
  log.error({ subject: kindOfSubject(subject), bytes, maxBytes }, "too large to be stored");
}

function maxMessageBytes({ info }: NatsConnection): number {
  return Math.min(limits.eventBytes, info?.max_payload ?? limits.eventBytes);
}

function publish(
  nc: NatsConnection,
  { subject, data }: Append,
  { reply, head, onFailure }: { reply: string; head: Head | undefined; onFailure: () => void },
): void {
  try {
    nc.publish(subject, data, head === undefined ? { reply } : { reply, headers: head.headers });
  } catch {
    // The connection is closing or gone: not stored, but the caller treats both the same.
    onFailure();
  }
}

const decoder = new TextDecoder();

/** The acknowledgement of nearly every append; any other is parsed as JSON. */
const plainAck = /^\{"stream":"[\w-]+", ?"seq": ?(\d{1,15})\}$/;

/** The sequence of an acknowledgement that says nothing else; undefined: it says something else. */
export function plainAckSeq(text: string): number | undefined {
  const seq = plainAck.exec(text)?.[1];
  return seq === undefined ? undefined : Number(seq);
}

function resultOf(message: Msg, bytes: number): AppendResult {
  const { data } = message;
  if (data.length === 0 && message.headers?.code === 503) return { kind: "absent" };
  const text = decoder.decode(data);
  const plainSeq = plainAckSeq(text);
  if (plainSeq !== undefined) return { kind: "stored", seq: plainSeq, duplicate: false };
  const { error, seq, duplicate } = PubAck.parse(JSON.parse(text));
  // Nobody says what its limit is: the caller cuts and sees.
  if (error !== undefined && tooLargeForStream.has(error.err_code))
    return { kind: "too large", bytes, maxBytes: Math.floor(bytes / 2) };
  if (error !== undefined && isForRoom(error)) return { kind: "no room", description: error.description };
  if (error !== undefined) return { kind: "refused", code: error.err_code, description: error.description };
  return { kind: "stored", seq: seq ?? 0, duplicate: duplicate ?? false };
}

function isForRoom({ err_code, description }: { err_code: number; description: string }): boolean {
  return outOfResources.has(err_code) || (err_code === storeFailed && description !== perSubject);
}
