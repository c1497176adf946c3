import type { EventLog, StoredMessage, StreamState } from "@parley/bus";
import { subjects, type ConversationId, type TurnId } from "@parley/protocol";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import { generationOffset } from "../cursor.ts";
import { createIntake } from "./intake.ts";

/**
 *     opening ── subscribed, and the stream's end is known ──▶ live ⇄ syncing (a part of the stream is read again)
 *     any ── closed ──▶ closed
 */
type FeedState = "opening" | "live" | "syncing" | "closed";

export interface FeedDeps {
  readonly conversation: ConversationId;
  readonly shard: number;
  readonly events: EventLog;
  /** Live messages that wait during a reading. More: they are dropped, and read as well. */
  readonly queueMessages: number;
  readonly counters: { holes: number };
  readonly log: Logger;
  /** The next message of the conversation. Its data is only borrowed. */
  onMessage(message: StoredMessage, turn: TurnId): void;
  /** All that is known begins anew after this sequence: another stream, or a hole below what was passed on. */
  onRestart(seq: number): void;
  /** Live messages wait from now on, until `onLive`. */
  onSyncing(): void;
  onLive(): void;
}

export type Feed = ReturnType<typeof createFeed>;

/** How often the generation is looked up when old messages come. */
const suspectEveryMs = 1_000;

/** The events of one conversation, all of them, in order, as they are stored. */
export function createFeed(deps: FeedDeps) {
  const { conversation, shard, events, log } = deps;
  const intake = createIntake();
  const ending = new AbortController();
  let state: FeedState = "opening";
  let generation = 0;
  let createdMs = 0;
  let waiting: StoredMessage[] = [];
  let suspectedMs = 0;
  let mustReadOnceMore = false;

  const take = (message: StoredMessage): void => deps.onMessage(message, intake.take(message));

  const wait = (message: StoredMessage): void => {
    if (waiting.length >= deps.queueMessages) waiting = [];
    waiting.push({ ...message, data: message.data.slice() });
  };

  const receive = (message: StoredMessage): void => {
    if (state === "closed") return;
    if (state !== "live") return wait(message);
    const verdict = intake.judge(message);
    if (verdict === "next") return take(message);
    if (verdict === "old") return suspect();
    deps.counters.holes++;
    const wholeUpTo = intake.wholeUpTo(message);
    wait(message);
    void sync(wholeUpTo);
  };

  const isOtherStream = (stream: StreamState): boolean =>
    stream.createdMs !== createdMs || stream.lastSeq < intake.last;

  /** Old messages come after a failover; or the stream was made anew and counts from 1. */
  const suspect = (): void => {
    const nowMs = performance.now();
    if (nowMs - suspectedMs < suspectEveryMs) return;
    suspectedMs = nowMs;
    void events.state(shard).then(
      (stream) => (isOtherStream(stream) ? sync() : undefined),
      (err: unknown) => log.warn({ err, conversation }, "the state of the event stream could not be read"),
    );
  };

  const restart = (seq: number): void => {
    intake.reset(seq);
    deps.onRestart(seq);
  };

  const begin = (stream: StreamState): void => {
    generation++;
    ({ createdMs } = stream);
    restart(stream.lastSeq);
  };

  const becomeLive = (): void => {
    const queued = waiting;
    waiting = [];
    state = "live";
    // One that shows a hole begins the next reading, and those after it wait again.
    for (const message of queued) if (message.seq > intake.last) receive(message);
    if (state === "live") deps.onLive();
  };

  const readAgain = async (wholeUpTo: number): Promise<void> => {
    const stream = await events.state(shard);
    if (isOtherStream(stream)) {
      log.warn({ conversation }, "the event stream is another one than before");
      return begin(stream);
    }
    const newest = await events.lastFromLeader(subjects.eventsOf(shard, conversation));
    if ((newest?.seq ?? 0) > wholeUpTo) {
      const messages = await events.read(conversation, { fromSeq: wholeUpTo + 1 });
      // Later ones were passed on already.
      if (messages.some(intake.wasMissed)) return restart(Math.max(intake.last, messages.at(-1)?.seq ?? 0));
      for (const message of messages) if (message.seq > intake.last) take(message);
    }
    intake.advance(stream.lastSeq);
  };

  /** Reads again what is above `wholeUpTo`, until that succeeds. */
  const sync = async (wholeUpTo = intake.last): Promise<void> => {
    // The connection may have broken after the part that is being read.
    mustReadOnceMore = true;
    if (state !== "live") return;
    state = "syncing";
    deps.onSyncing();
    const backoff = createBackoff({ minMs: 100, maxMs: 2_000 });
    while (mustReadOnceMore && !ending.signal.aborted) {
      mustReadOnceMore = false;
      try {
        await readAgain(wholeUpTo);
      } catch (err) {
        mustReadOnceMore = true;
        log.warn({ err, conversation }, "the event stream could not be read yet");
        await sleep(backoff.nextMs(), ending.signal);
      }
    }
    if (!ending.signal.aborted) becomeLive();
  };

  const subscription = events.subscribe(subjects.liveOf(shard, conversation), receive);

  const close = (): void => {
    state = "closed";
    ending.abort();
    subscription.unsubscribe();
    waiting = [];
  };

  return {
    /** Subscribes, then learns where the stream ends: what is stored after that comes live. Throws when the broker does not answer. */
    async open(): Promise<void> {
      try {
        await events.flush();
        const stream = await events.state(shard);
        ending.signal.throwIfAborted();
        begin(stream);
        becomeLive();
      } catch (error) {
        close();
        throw error;
      }
    },
    close,
    isLive: () => state === "live",
    /** Reads whatever may have been missed. */
    sync: (): Promise<void> => sync(),
    /** Subjects that ended at or below this sequence will not go on. */
    forget: (seq: number): void => intake.forget(seq),
    /** Stream sequence up to which everything was passed on. */
    get last() {
      return intake.last;
    },
    /** Rises when the stream was made anew. */
    get generation() {
      return generation;
    },
    /** What this stream's sequences are moved up by on the wire. */
    get offset() {
      return generationOffset(createdMs);
    },
  };
}
