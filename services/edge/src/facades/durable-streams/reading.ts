import { RangeTooLargeError } from "@parley/bus";
import { eventMessage, snapshotMessage, withoutPost, type StreamPlace, type VisibleEvent } from "@parley/dialects";
import { ChatError, parseEventSubject, subjects, type ConversationId } from "@parley/protocol";
import { generationOffset, noCursor, streamSeqOf } from "../../cursor.ts";
import { deliveryLimits } from "../../delivery/delivery-limits.ts";
import { doubtOf } from "../../hub/doubt.ts";
import { visibleEventOf } from "../../hub/visible-event.ts";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Call } from "../../transport/route.ts";

export type ReadingDeps = Pick<FacadeDeps, "bus" | "conversations" | "conversationStreams">;

/** How a conversation's part of the event stream stands. */
export interface Extent {
  readonly conversation: ConversationId;
  readonly shard: number;
  /** What this stream's sequences are moved up by to be cursors. */
  readonly offset: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** The cursor up to which the conversation goes. */
  readonly tail: number;
}

/** Messages of a stream, and where the next ones begin. */
export interface StreamPage {
  readonly messages: readonly Buffer[];
  readonly next: number;
  readonly isUpToDate: boolean;
}

/** A page ends with the message that goes over this. */
const pageBytes = 1024 * 1024;
/** Sequences of the event stream that are read at first, for a conversation among many: twice as many each time that nothing was there. */
const firstWindow = 16_384;
/** A snapshot is made within moments, or the broker is away. */
const snapshotWithinMs = 10_000;

export type StreamReading = ReturnType<typeof createStreamReading>;

/** Reads conversations as durable streams: what is stored, in the order in which it is stored. */
export function createStreamReading(deps: ReadingDeps) {
  const { bus } = deps;

  return {
    /** Throws NOT_FOUND where nothing is stored of it. */
    async extentOf(conversation: ConversationId): Promise<Extent> {
      const shard = bus.events.shardOf(conversation);
      // In this order: what is stored between the two is behind the sequence that is the tail where nothing is kept.
      const { createdMs, firstSeq, lastSeq } = await bus.events.state(shard);
      const last = await bus.events.lastFromLeader(subjects.eventsOf(shard, conversation));
      if (last === undefined) await deps.conversations.messages(conversation, 1, { before: 0 });
      const offset = generationOffset(createdMs);
      const tail = offset + (last?.seq ?? lastSeq);
      return { conversation, shard, offset, firstSeq, lastSeq: Math.max(lastSeq, last?.seq ?? 0), tail };
    },

    /**
     * Where a reader begins in the event stream: a cursor up to which it has everything. `snapshot`: where the stream does not have the beginning of the
     * conversation any more, or where the reader may lack an event that was overtaken. "gone": the cursor is older than what is kept.
     */
    async startOf(extent: Extent, place: StreamPlace): Promise<number | "snapshot" | "gone"> {
      if (place === "now") return extent.tail;
      if (place !== "begin") {
        const seq = streamSeqOf(place.cursor, extent);
        if (seq === noCursor) return "gone";
        return place.isExact || (await hasAllUpTo(bus, extent, seq)) ? place.cursor : "snapshot";
      }
      const first = await beginningOf(bus, extent);
      return first === undefined ? "snapshot" : extent.offset + first - 1;
    },

    /** All messages behind a cursor, as far as they are a page. What is too much to be read is told as a snapshot. */
    async behind(call: Call, extent: Extent, cursor: number, isKnowing: boolean): Promise<StreamPage> {
      try {
        return renewed(await rangeBehind(bus, extent, cursor - extent.offset, isKnowing), extent);
      } catch (error) {
        if (!(error instanceof RangeTooLargeError)) throw error;
        return this.snapshot(call, extent, isKnowing);
      }
    },

    /** All of the conversation as one message. */
    async snapshot(call: Call, { conversation, tail }: Extent, isKnowing: boolean): Promise<StreamPage> {
      const place = { conversation, after: undefined };
      const seen = await deps.conversationStreams.first(call, place, snapshotWithinMs);
      if (seen === "event" || seen === undefined) throw new ChatError("OVERLOADED", { retryAfterMs: 1_000 });
      return { messages: [snapshotMessage(seen, isKnowing)], next: seen.seq, isUpToDate: seen.seq >= tail };
    },
  };
}

/** Whether whoever was shown the event at this sequence, as it came live, has everything below it. */
async function hasAllUpTo({ events }: FacadeDeps["bus"], extent: Extent, seq: number): Promise<boolean> {
  const floor = Math.max(0, seq - deliveryLimits.overtakingSeqs);
  const stored = await events.read(extent.conversation, { fromSeq: floor + 1, toSeq: seq });
  const seen = stored.flatMap((message) => visible(message, extent) ?? []);
  return doubtOf({ floor, events: seen, sure: extent.lastSeq }, seq) === "clear";
}

type Stored = Awaited<ReturnType<FacadeDeps["bus"]["events"]["read"]>>;

function visible(message: Stored[number], { offset }: Extent): VisibleEvent | undefined {
  return visibleEventOf(message, parseEventSubject(message.subject)?.turn ?? "", offset);
}

async function rangeBehind(
  { events }: FacadeDeps["bus"],
  extent: Extent,
  seq: number,
  isKnowing: boolean,
): Promise<StreamPage> {
  const { conversation, offset, tail } = extent;
  const lastSeq = tail - offset;
  let from = seq + 1;
  for (let window = firstWindow; from <= lastSeq; window *= 2) {
    const to = Math.min(lastSeq, from + window - 1);
    const page = pageOf(await events.read(conversation, { fromSeq: from, toSeq: to }), extent, isKnowing);
    if (page?.isCut === true) return { ...page, isUpToDate: false };
    if (page !== undefined) return { ...page, next: to === lastSeq ? tail : page.next, isUpToDate: to === lastSeq };
    from = to + 1;
  }
  return { messages: [], next: Math.max(offset + seq, tail), isUpToDate: true };
}

interface CutPage extends Omit<StreamPage, "isUpToDate"> {
  readonly isCut: boolean;
}

/** Undefined: nothing of it is to be seen. */
function pageOf(stored: Stored, extent: Extent, isKnowing: boolean): CutPage | undefined {
  const messages: Buffer[] = [];
  let bytes = 0;
  let next = 0;
  for (const message of stored) {
    if (bytes > pageBytes) return { messages, next, isCut: true };
    next = extent.offset + message.seq;
    const event = visible(message, extent);
    if (event === undefined) continue;
    for (const told of event.type === "post" ? withoutPost(event) : [event])
      messages.push(eventMessage(told, isKnowing));
    bytes += event.frame.length;
  }
  return messages.length === 0 ? undefined : { messages, next, isCut: false };
}

/**
 * Whoever reads a conversation in which nothing happens would be left with an offset that is too old when something does: one of the older half of what is kept
 * is replaced. Between it and the newest place nothing of the conversation lies.
 */
function renewed(page: StreamPage, { offset, firstSeq, lastSeq }: Extent): StreamPage {
  const isOld = page.next - offset < (firstSeq + lastSeq) / 2;
  return page.isUpToDate && page.messages.length === 0 && isOld ? { ...page, next: offset + lastSeq } : page;
}

/** The sequence of the conversation's first event; undefined: it is not kept any more. */
async function beginningOf(
  { events, transcripts, turns, facts }: FacadeDeps["bus"],
  { conversation, shard }: Extent,
): Promise<number | undefined> {
  const [page, queued] = await Promise.all([
    transcripts.tail(conversation, { limit: deliveryLimits.snapshotMessages }),
    turns.waiting(conversation),
  ]);
  // More than a snapshot has: what is older is fetched over HTTP all the same.
  if (page.before !== 0) return undefined;
  const turn = page.turns[0]?.turn_id ?? queued[0]?.request.turn_id;
  // Nothing has ended in it and nothing waits: what is there is all that there ever was.
  if (turn === undefined) return events.firstSeq(subjects.eventsOf(shard, conversation));
  const [place, said, first] = await Promise.all([
    events.placeOfLast(subjects.user(shard, conversation, turn)),
    facts.readStored("said", { conversation, turn }),
    events.firstSeq(subjects.eventsOf(shard, conversation)),
  ]);
  if (place === undefined || said === undefined) return undefined;
  // It was forgotten, and written again behind what its turn had told.
  if (place.storedMs - said.storedMs > deliveryLimits.lateMessageMs) return undefined;
  return first;
}
