import { RangeTooLargeError, type Bus, type TranscriptPage } from "@parley/bus";
import { isTerminal, type LogRecord, type SnapshotFrame, type TurnId } from "@parley/protocol";
import { deliveryLimits } from "../delivery-limits.ts";
import type { History, Queued } from "./history.ts";
import { isLive, type Hub } from "./hub.ts";
import type { Known, Ring } from "./ring.ts";
import { conversationSnapshot } from "./snapshot.ts";
import type { VisibleEvent } from "./visible-event.ts";

export interface WholeReadingDeps {
  readonly history: Pick<History, "queued" | "confirm" | "root" | "startOf">;
  readonly transcripts: Pick<Bus["transcripts"], "tail">;
}

/** What was read of a conversation. */
export interface Whole {
  /**
   * As of which sequence a viewer gets it that has frames up to `sentSeq` already: the newest up to which nothing can be missing, but below the next
   * end, which it gets as an event. (Before each end its `ending` is stored, so there is room.)
   */
  readonly seqFor: (sentSeq: number) => number;
  /** All of it as of a sequence up to which nothing can be missing; made once for all viewers. */
  readonly frameAt: (seq: number) => SnapshotFrame | undefined;
  /** Whether the hub still has what is missing in what was read. */
  readonly isCurrent: () => boolean;
}

/**
 * Reads what makes the whole, in an order that leaves nothing out and has nothing from beyond the feed's `sure`:
 *
 * 1. The queue. A turn that is open in the end is in it, or its first event comes later than this: then it comes live.
 * 2. The transcript. A record is written when its turn's end is decided, and before the end itself: the turn began below what comes next.
 * 3. The end of the stream; and up to there whatever its copies, which may be behind, have not brought yet.
 * 4. The turns of the queue from their beginning. Now the hub knows each turn that is open, so that of these no record is taken, however far the
 *    transcript is ahead.
 * 5. For who has frames up to `sentSeq`, which is below the ring: what followed, and the turns from their beginning that were under way there. So
 *    each end that it lacks comes as an event.
 *
 * Undefined: the feed is being read again, or ended turns have left the ring since the transcript was read and would be in neither.
 */
export async function readWhole(
  deps: WholeReadingDeps,
  hub: Hub,
  sentSeq: number | undefined,
): Promise<Whole | undefined> {
  const { history, transcripts } = deps;
  const { ring, conversation } = hub;
  const { endsLeft } = ring;
  const queued = ring.rooted && sentSeq === undefined ? undefined : await history.queued(hub);
  const page = await transcripts.tail(conversation, { limit: deliveryLimits.snapshotMessages });
  if (!(await history.confirm(hub))) return undefined;
  const past =
    sentSeq === undefined || queued === undefined ? undefined : await readPast(deps, hub, { sentSeq, queued });
  if (past === undefined && queued !== undefined) await history.root(hub, queued);
  const laterEnds = past?.events.filter(({ type }) => isTerminal(type)).length ?? 0;
  const records = [...(await olderRecords(deps, hub, page, laterEnds)), ...page.records];
  const shown = records.filter(({ turn_id }) => queued?.startless.has(turn_id) !== true || ring.ended.has(turn_id));
  const isCurrent = (): boolean =>
    isLive(hub) && hub.ring === ring && (past === undefined ? ring.endsLeft === endsLeft : ring.floor <= past.top);
  return isCurrent() ? createWhole(hub, { ring, past, records: shown, isCurrent }) : undefined;
}

/** Everything visible above the floor, and all turns that are open there or end later. */
interface Past {
  readonly floor: number;
  readonly events: readonly VisibleEvent[];
  /** Up to here it has what the ring may let go of. */
  readonly top: number;
}

/** Undefined: it is too much to be read. */
async function readPast(
  { history }: WholeReadingDeps,
  hub: Hub,
  { sentSeq, queued }: { readonly sentSeq: number; readonly queued: Queued },
): Promise<Past | undefined> {
  try {
    let known = await history.root(hub, queued, sentSeq + 1);
    const begun = new Set(known.events.flatMap(({ type, turn }) => (type === "message" ? turn : [])));
    const others = new Set(known.events.flatMap(({ turn }) => (turn === "" || begun.has(turn) ? [] : turn)));
    const starts = await Promise.all([...others].map((turn) => history.startOf(hub, turn)));
    const lowest = Math.min(...starts.filter((seq) => seq !== undefined));
    if (lowest <= known.floor) known = await history.root(hub, queued, lowest);
    const top = Math.max(hub.ring.floor, known.events.at(-1)?.seq ?? 0);
    return { floor: known.floor, events: known.events, top };
  } catch (error) {
    if (error instanceof RangeTooLargeError) return undefined;
    throw error;
  }
}

/** As many as the page may have of turns that ended only later. */
async function olderRecords(
  { transcripts }: WholeReadingDeps,
  { conversation }: Hub,
  { before }: TranscriptPage,
  laterEnds: number,
): Promise<LogRecord[]> {
  if (laterEnds === 0 || before === 0) return [];
  return (await transcripts.tail(conversation, { limit: 2 * laterEnds, before })).records;
}

interface Read {
  readonly ring: Ring;
  readonly past: Past | undefined;
  readonly records: readonly LogRecord[];
  readonly isCurrent: () => boolean;
}

function createWhole(hub: Hub, { ring, past, records, isCurrent }: Read): Whole {
  const frames = new Map<number, SnapshotFrame | undefined>();
  const known = (): Known => {
    if (past === undefined) return ring;
    // What came late is in the ring alone.
    const events = [...past.events.filter(({ seq }) => seq <= ring.floor), ...ring.events];
    return { floor: past.floor, events, base: new Map(), rooted: true, quiet: undefined };
  };

  return {
    isCurrent,

    seqFor(sentSeq) {
      const newest = Math.max(hub.feed.intake.sure, ring.floor);
      const { floor, base, events } = known();
      if (sentSeq <= 0 || sentSeq < floor) return newest;
      const ends = events.filter(({ seq, type }) => seq > sentSeq && isTerminal(type));
      const [end] = ends;
      if (end === undefined || end.seq - 1 <= sentSeq) return newest;
      const begun = new Set([...base.keys(), ...events.flatMap(({ type, turn }) => (type === "message" ? turn : []))]);
      // Below their ends turns are shown as open ones, and those whose beginning is no longer kept cannot be.
      if (!ends.every(({ turn }) => begun.has(turn))) return newest;
      return Math.min(newest, end.seq - 1);
    },

    frameAt(seq) {
      if (!frames.has(seq)) frames.set(seq, snapshotAt(hub, known(), records, seq));
      return frames.get(seq);
    },
  };
}

function snapshotAt(
  { conversation, offset }: Hub,
  known: Known,
  records: readonly LogRecord[],
  seq: number,
): SnapshotFrame | undefined {
  const ended = new Map<TurnId, number>();
  for (const { turn, type, seq: end } of known.events) if (isTerminal(type)) ended.set(turn, end);
  const events = known.events.filter((event) => event.seq <= seq);
  const past = records.filter(({ turn_id }) => (ended.get(turn_id) ?? 0) <= seq);
  return conversationSnapshot({ conversation, seq: offset + seq }, { ...known, events }, past);
}
