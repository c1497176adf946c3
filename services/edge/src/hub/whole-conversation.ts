import { setImmediate as nextTurn } from "node:timers/promises";
import type { Bus } from "@parley/bus";
import { isTerminal, subjects, type LogRecord, type SnapshotFrame, type TurnId } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { deliveryLimits } from "../delivery-limits.ts";
import { canTake, giveWhole, type GivingDeps } from "./giving.ts";
import type { History } from "./history.ts";
import { isLive, type Hub, type HubViewer } from "./hub.ts";
import type { Ring } from "./ring.ts";
import { conversationSnapshot } from "./snapshot.ts";

export interface WholeDeps extends GivingDeps {
  readonly history: History;
  readonly events: Bus["events"];
  readonly transcripts: Pick<Bus["transcripts"], "tail">;
  readonly log: Logger;
}

export type WholeConversations = ReturnType<typeof createWholeConversations>;

/** Each try may find that the conversation has moved on too far, or that it needs a higher sequence. */
const maxTries = 4;
/** Viewers of one conversation that are given it before others have their turn: 1,000 snapshots of 256 KB would take half a second. */
const givenAtOnce = 64;
/** Conversations that are read at a time. Each takes some six trips to the broker; more at once only wait for each other. */
const concurrentRuns = 64;

interface Run {
  readonly waiting: Set<HubViewer>;
  readonly done: Promise<void>;
}

/** Gives viewers the whole conversation. Those of one conversation share what is read and, in the native dialect, its bytes. */
export function createWholeConversations(deps: WholeDeps) {
  const runs = new Map<Hub, Run>();
  const queue: (() => void)[] = [];
  let running = 0;

  const enter = async (): Promise<void> => {
    if (running >= concurrentRuns) await new Promise<void>((resolve) => queue.push(resolve));
    else running++;
  };
  const leave = (): void => {
    const next = queue.shift();
    if (next === undefined) running--;
    else next();
  };

  const start = (hub: Hub): Run => {
    const waiting = new Set<HubViewer>();
    const work = async (): Promise<void> => {
      await enter();
      try {
        await giveToAll(deps, hub, waiting);
      } catch (err) {
        deps.log.warn({ err, conversation: hub.conversation }, "a conversation could not be read yet");
      }
      leave();
      runs.delete(hub);
    };
    return { waiting, done: work() };
  };

  return {
    /** Resolves when the viewer has it, or cannot have it now: see `canTake`. Never rejects. */
    give(viewer: HubViewer): Promise<void> {
      const { source: hub } = viewer;
      let run = runs.get(hub);
      if (run === undefined) runs.set(hub, (run = start(hub)));
      run.waiting.add(viewer);
      return run.done;
    },

    /** So many wait that one more, if it need not be, should come later. */
    isBusy: (): boolean => running >= concurrentRuns,
  };
}

async function giveToAll(deps: WholeDeps, hub: Hub, waiting: Set<HubViewer>): Promise<void> {
  for (let tries = 0; waiting.size > 0 && isLive(hub); tries++) {
    if (tries === maxTries) throw new Error("the conversation moves faster than it can be read");
    const whole = await readWhole(deps, hub);
    if (whole === undefined) continue;
    const before = waiting.size;
    let room = giveTo(deps, hub, waiting, whole);
    while (room === undefined && waiting.size > 0) {
      await nextTurn();
      if (!whole.isCurrent()) break;
      room = giveTo(deps, hub, waiting, whole);
    }
    if (waiting.size < before) tries = 0;
    if (room !== undefined) await makeRoom(deps, hub, room);
  }
}

/** What was read of a conversation. */
interface Whole {
  /** All of it as of a sequence up to which nothing can be missing; made once for all viewers. */
  readonly frameAt: (seq: number) => SnapshotFrame | undefined;
  /** Whether the hub still has what is missing in what was read. */
  readonly isCurrent: () => boolean;
}

interface Room {
  readonly aboveSeq: number;
  readonly turn: TurnId;
}

/**
 * Some of those for whom the stream has come far enough get it; viewers that cannot take it now are left to whoever brings them. Returns what the
 * others need.
 */
function giveTo(deps: WholeDeps, hub: Hub, waiting: Set<HubViewer>, { frameAt }: Whole): Room | undefined {
  let room: Room | undefined;
  let given = 0;
  for (const viewer of waiting) {
    if (given++ === givenAtOnce) break;
    const sentSeq = viewer.sentSeq - hub.offset;
    const seq = seqFor(hub, sentSeq);
    const frame = frameAt(seq);
    const isTaker = canTake(deps.outbox, viewer);
    if (isTaker && frame !== undefined && seq <= sentSeq) {
      given--;
      room = { turn: turnIn(frame), aboveSeq: Math.max(sentSeq, room?.aboveSeq ?? 0) };
      continue;
    }
    waiting.delete(viewer);
    if (isTaker) giveWhole(deps, viewer, { seq: Math.max(seq, sentSeq), frame });
  }
  return room;
}

/** Each edge that has come as far finds the same. */
function turnIn({ turn_id, messages = [] }: SnapshotFrame): TurnId {
  return turn_id ?? messages.at(-1)?.turn_id ?? "none";
}

/**
 * As of which sequence a viewer gets the whole that has frames up to `sentSeq` already: the newest up to which nothing can be missing, but below the
 * next end, which it gets as an event. (Before each end its `ending` is stored, so there is room.)
 */
function seqFor({ ring, feed }: Hub, sentSeq: number): number {
  const newest = Math.max(feed.intake.sure, ring.floor);
  if (sentSeq < ring.floor) return newest;
  const ends = ring.events.filter(({ seq, type }) => seq > sentSeq && isTerminal(type));
  const [end] = ends;
  // Below their ends turns are shown as open ones, and those that began before what is known cannot be: they had left the queue when it was read.
  if (end === undefined || end.seq - 1 <= sentSeq || !ends.every(({ turn }) => isBegun(ring, turn))) return newest;
  return Math.min(newest, end.seq - 1);
}

function isBegun({ base, events }: Ring, turn: TurnId): boolean {
  return base.has(turn) || events.some((event) => event.turn === turn && event.type === "message");
}

function snapshotAt(hub: Hub, records: readonly LogRecord[], seq: number): SnapshotFrame | undefined {
  const { conversation, ring, offset } = hub;
  const events = ring.events.filter((event) => event.seq <= seq);
  const past = records.filter(({ turn_id }) => (ring.ended.get(turn_id) ?? 0) <= seq);
  return conversationSnapshot({ conversation, seq: offset + seq }, { ...ring, events }, past);
}

/**
 * Reads what makes the whole, in an order that leaves nothing out and has nothing from beyond the feed's `sure`:
 *
 * 1. The queue. A turn that is open in the end is in it, or its first event comes later than this: then it comes live.
 * 2. The transcript. A record is written when its turn's end is decided, and before the end itself: the turn began below what comes next.
 * 3. The end of the stream; and up to there whatever its copies, which may be behind, have not brought yet.
 * 4. The turns of the queue from their beginning. Now the hub knows each turn that is open, so that of these no record is taken, however far the
 *    transcript is ahead.
 *
 * Undefined: the feed is being read again, or ended turns have left the ring since the transcript was read and would be in neither.
 */
async function readWhole(deps: WholeDeps, hub: Hub): Promise<Whole | undefined> {
  const { history, transcripts } = deps;
  const { ring, conversation } = hub;
  const { endsLeft } = ring;
  const queued = ring.rooted ? undefined : await history.queued(hub);
  const { records } = await transcripts.tail(conversation, { limit: deliveryLimits.snapshotMessages });
  if (!(await history.confirm(hub))) return undefined;
  if (queued !== undefined) await history.root(hub, queued);
  const isCurrent = (): boolean => isLive(hub) && hub.ring === ring && ring.endsLeft === endsLeft;
  if (!isCurrent()) return undefined;
  const past = records.filter(({ turn_id }) => queued?.startless.has(turn_id) !== true || ring.ended.has(turn_id));
  const frames = new Map<number, SnapshotFrame | undefined>();
  const frameAt = (seq: number): SnapshotFrame | undefined => {
    if (!frames.has(seq)) frames.set(seq, snapshotAt(hub, past, seq));
    return frames.get(seq);
  };
  return { frameAt, isCurrent };
}

/** Makes the stream go on beyond a sequence, if it has not by itself: most of the time other conversations see to that. */
async function makeRoom({ events }: WholeDeps, { shard, conversation }: Hub, { turn, aboveSeq }: Room): Promise<void> {
  if ((await events.state(shard)).lastSeq > aboveSeq) return;
  const mark = { type: "mark" as const, conversation_id: conversation, turn_id: turn, ts: Date.now() };
  await events.writeOnce(subjects.mark(shard, conversation, turn, aboveSeq), mark);
}
