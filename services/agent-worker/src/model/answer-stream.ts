import type { AnswerReader, StreamEnd } from "./answer-reader.ts";
import type { CleanWords } from "./clean-words.ts";
import { createEventStream, type StreamEnd as BodyEnd, type ValueKind } from "./event-stream.ts";
import type { Reply } from "./http-exchange.ts";
import { brokenOff, isHeldBack, noAnswer, toProviderError, truncated } from "./model-error.ts";
import type { ModelEvent } from "./model.ts";
import { isErrorBody, isErrorValue } from "./provider-words.ts";

/**
 * `content`: the model has not said that it is done, or what it said was no end. `end`: it has; usage may come, and text of servers that say so too
 * early. `close`: the usage came too, in a chunk of its own. Only `[DONE]` and the end of the body are left to come.
 */
export type Awaited = "content" | "end" | "close";

export interface AnswerStreamOptions {
  readonly reader: AnswerReader;
  readonly clean: CleanWords;
  /** Gets what one read of the socket brought, at once. */
  readonly onEvents: (events: readonly ModelEvent[]) => void;
  /** Content came, or the end of it; and what is to come next. */
  readonly onProgress: (next: Awaited) => void;
  /** How long nothing need be read after text has come, for what comes would wait anyway. 0: it is read as it comes. */
  readonly holdMs: () => number;
  /** So many parts of the stream could not be read. */
  readonly onSkipped: (count: number) => void;
}

/**
 * One answer, from the body of a response to events. It is over with `[DONE]`, or when the body ends; what the body then lacks decides whether it is
 * whole. The caller joins what it cannot write yet, and an answer is bounded; so reading is held for no longer than the caller would wait.
 *
 * States: `open` → `over` (resolved, or rejected with a ChatError or with what `onEvents` threw), which is final.
 */
export function createAnswerStream(options: AnswerStreamOptions) {
  const { clean, onSkipped } = options;
  const batch = createBatch(options.onEvents);
  const chunks = createChunks(options, batch);
  const answer = createAnswer(options, batch, chunks.isWhole);
  const { guarded, complete, isOver } = answer;

  const events = createEventStream({
    onValue(value, kind) {
      if (isOver()) return;
      const error = errorOf(value, kind, clean);
      if (error === undefined) chunks.read(value, kind);
      else if (!chunks.isWhole()) answer.reported(error);
    },
    onDone: () => guarded(complete, "done"),
    onLost: () => options.reader.lost(),
  });

  const flush = (): void => guarded(batch.flush, undefined);
  const take = (reply: Pick<Reply, "hold">, bytes: Buffer): void => {
    events.push(bytes);
    if (batch.flushSoon(flush) && !isOver()) holdReading(options, reply);
  };
  const end = (): void => {
    const ended = events.end();
    if (ended.skipped > 0) onSkipped(ended.skipped);
    if (isOver()) return;
    const fault = faultOf(ended);
    if (fault !== undefined) throw fault;
    complete(chunks.isBody() ? "done" : "closed");
  };
  const breakOff = (error: unknown): void => {
    events.end();
    if (isOver()) return;
    if (!chunks.isWhole()) throw brokenOff(error);
    complete("broken");
  };

  return {
    result: answer.result,
    read(reply: Pick<Reply, "body" | "hold">): void {
      const { body } = reply;
      const takeIt = (bytes: Buffer): void => take(reply, bytes);
      body.on("data", (bytes: Buffer) => guarded(takeIt, bytes));
      body.on("end", () => guarded(end, undefined));
      body.on("error", (error) => guarded(breakOff, error));
      // It may have failed in the same read that brought its head: nothing more is told of it then.
      if (body.destroyed && !body.readableEnded)
        guarded(breakOff, body.errored ?? new Error("the connection was closed"));
    },
    /** Nothing more came in time. True: the answer is over, because the model had said that it is done. */
    expire: answer.expire,
    /** Nobody wants any more of it. */
    stop: answer.stop,
  };
}

/** Text has come: what follows soon would wait for its append anyway. The end of an answer is waited for. */
function holdReading({ reader, holdMs }: AnswerStreamOptions, { hold }: Pick<Reply, "hold">): void {
  if (reader.isFinished()) return;
  const ms = holdMs();
  if (ms > 0) hold(ms);
}

/** Whether the answer is over, and how: there is one end, whatever comes after it. */
function createAnswer({ reader }: AnswerStreamOptions, batch: Batch, isWhole: () => boolean) {
  const result = createResult();

  /** Of an answer that has no end. */
  const flushLast = (): void => {
    batch.add(reader.breakOff());
    batch.flush();
  };
  const fail = (error: unknown): void => {
    try {
      // What came before it is part of the answer.
      if (!batch.hasFailed()) flushLast();
      result.reject(error);
    } catch (thrown) {
      result.reject(thrown);
    }
  };
  const complete = (how: StreamEnd): void => {
    batch.add(reader.end(how));
    batch.flush();
    result.resolve();
  };
  /** What the reader does not take may be its own end: that is tried once. */
  let wasCutShort = false;
  /** Runs what may throw: the reader on what it does not take, the caller on what it is given. */
  const guarded = <Argument>(act: (argument: Argument) => void, argument: Argument): void => {
    if (result.isOver()) return;
    try {
      act(argument);
    } catch (error) {
      if (batch.hasFailed() || !(error instanceof RangeError)) fail(error);
      else if (isWhole() && !wasCutShort) {
        wasCutShort = true;
        guarded(complete, "broken");
      } else fail(truncated(error.message, { permanent: true }));
    }
  };
  const reported = (error: Error): void => {
    if (!isHeldBack(error)) throw error;
    reader.heldBack();
    guarded(complete, "done");
  };
  const expire = (): boolean => {
    if (isWhole()) guarded(complete, "broken");
    else guarded(flushLast, undefined);
    return result.isOver();
  };
  return { result: result.promise, isOver: result.isOver, stop: result.reject, guarded, complete, reported, expire };
}

/** What a value says that is no part of an answer. */
function errorOf(value: unknown, kind: ValueKind, clean: CleanWords): Error | undefined {
  const isBody = kind === "body";
  if (kind === "error" || isErrorValue(value) || (isBody && isErrorBody(value))) {
    return toProviderError({ body: value, isWhole: isBody }, clean);
  }
  const isCompletion = !isBody || (typeof value === "object" && value !== null && "choices" in value);
  return isCompletion ? undefined : noAnswer("the provider answered with JSON that is no completion");
}

/** What there was in place of an answer. */
function faultOf({ form, skipped, text }: BodyEnd): Error | undefined {
  if (form === "text") return page(text);
  if (form === "empty") return noAnswer("the provider answered with an empty body");
  return form === "nothing" && skipped > 0 ? noAnswer("nothing of the body could be read") : undefined;
}

/** A gateway's page about a server that is away passes with it. */
const passing = /\b50[0-9]\b|bad gateway|unavailable|timed? ?out|overloaded|try again/i;

function page(text: string): Error {
  const isHtml = /^\s*<(?:!doctype|html|head|body)/i.test(text);
  const what = `the provider answered with ${isHtml ? "a page" : "a text"} in place of a stream`;
  return noAnswer(what, { permanent: !passing.test(text.slice(0, 2_000)) });
}

/** Gives the chunks to the reader, and knows how sure its word about the end is. */
function createChunks({ reader, onProgress }: AnswerStreamOptions, batch: Batch) {
  let isBody = false;
  /** Some servers say `finish_reason: "stop"` in every chunk: it is no end then. */
  let wentOn = false;
  let told: Awaited = "content";
  const awaited = (): Awaited => {
    if (!reader.isFinished() || wentOn) return "content";
    return reader.isCounted() ? "close" : "end";
  };
  return {
    read(value: unknown, kind: ValueKind): void {
      const wasFinished = reader.isFinished();
      const { events, progressed } = reader.read(value);
      batch.add(events);
      wentOn ||= wasFinished && progressed;
      isBody ||= kind === "body" && hasMessage(value);
      const next = awaited();
      if (!progressed && next === told) return;
      told = next;
      onProgress(next);
    },
    /** The answer as it is asked for without `stream`. */
    isBody: (): boolean => isBody,
    /** Nothing can spoil the answer any more. */
    isWhole: (): boolean => reader.isFinished() && !wentOn,
  };
}

function hasMessage(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("choices" in value) || !Array.isArray(value.choices))
    return false;
  const first: unknown = value.choices[0];
  return typeof first === "object" && first !== null && "message" in first;
}

type Batch = ReturnType<typeof createBatch>;

/** Events on their way to the caller: all chunks of one read of the socket come before the next tick. */
function createBatch(onEvents: AnswerStreamOptions["onEvents"]) {
  let events: ModelEvent[] = [];
  let hasText = false;
  let isDue = false;
  let hasFailed = false;
  return {
    add(more: readonly ModelEvent[]): void {
      for (const event of more) {
        events.push(event);
        hasText ||= event.type === "text";
      }
    },
    /** Whether there is text to flush. */
    flushSoon(flush: () => void): boolean {
      if (events.length === 0) return false;
      if (!isDue) process.nextTick(flush);
      isDue = true;
      return hasText;
    },
    flush(): void {
      isDue = false;
      if (events.length === 0) return;
      const due = events;
      events = [];
      hasText = false;
      hasFailed = true;
      onEvents(due);
      hasFailed = false;
    },
    /** The caller has thrown. */
    hasFailed: (): boolean => hasFailed,
  };
}

function createResult() {
  let isOver = false;
  let settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  const promise = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  return {
    promise,
    isOver: (): boolean => isOver,
    resolve(): void {
      isOver = true;
      settle?.resolve();
    },
    reject(error: unknown): void {
      isOver = true;
      settle?.reject(error);
    },
  };
}
