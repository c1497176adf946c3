import type { EventLog, StreamState } from "@parley/bus";
import { seqHead } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import type { Hub } from "./hub.ts";
import { believedAfterMs } from "./stream-end.ts";

/**
 * A broker that loses its power loses what it had acknowledged last, and then counts on with other events under the same sequences. While its stream is shorter
 * than what hubs have of it, that shows; once it has grown again, only its contents tell.
 */

/** Newest events of hubs that are compared: those of deleted conversations are gone, and say nothing. */
const mostWitnesses = 8;
const lookEveryMs = 200;

/** An event as a hub has it. */
interface Witness {
  readonly seq: number;
  /** Without its first brace. */
  readonly data: Uint8Array;
}

/** The stream, if events that these hubs have are not those that it has now. As long as it may be the word of a server that stood still, it is asked again. */
export async function lostEnd(
  shard: number,
  hubs: () => readonly Hub[],
  events: EventLog,
): Promise<StreamState | undefined> {
  for (const untilMs = performance.now() + believedAfterMs; ; await sleep(lookEveryMs)) {
    const stream = await events.state(shard);
    const known = hubs().filter(({ feed }) => feed.createdMs === stream.createdMs);
    if (await hasOthers(witnessesOf(known, stream), (seq) => events.storedAt(shard, seq))) return stream;
    if (!known.some(({ feed }) => feed.intake.last > stream.lastSeq)) return undefined;
    if (performance.now() >= untilMs) return stream;
  }
}

async function hasOthers(
  witnesses: readonly Witness[],
  storedAt: (seq: number) => Promise<Uint8Array | undefined>,
): Promise<boolean> {
  for (const { seq, data } of witnesses.slice(0, mostWitnesses)) {
    const stored = await storedAt(seq);
    if (stored !== undefined) return Buffer.compare(stored.subarray(1), data) !== 0;
  }
  return false;
}

/** The newest event of each that the stream should have, newest first. */
function witnessesOf(hubs: readonly Hub[], { firstSeq, lastSeq }: StreamState): Witness[] {
  return hubs
    .flatMap(({ ring, offset }) => {
      const event = ring.events.findLast(({ seq }) => seq >= firstSeq && seq <= lastSeq);
      if (event === undefined) return [];
      // On the wire its `seq` stands in place of the brace.
      return { seq: event.seq, data: event.frame.subarray(seqHead(offset + event.seq).length) };
    })
    .toSorted((one, other) => other.seq - one.seq);
}
