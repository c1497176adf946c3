import { setImmediate as nextTurn } from "node:timers/promises";
import type { Bus } from "@parley/bus";
import { type ConversationId, type ReadMark, type SnapshotFrame, subjects, type TurnId } from "@parley/protocol";
import { createGate, type Logger } from "@parley/runtime";
import { isLive, type Hub, type HubViewer } from "./hub.ts";
import { canTake, sendConversation, type RecoveryDeps } from "./recovery.ts";
import { readWhole, type WholeReadingDeps } from "./whole-reading.ts";
import type { Whole } from "./whole.ts";

export interface WholeDeps extends RecoveryDeps, WholeReadingDeps {
  readonly events: Bus["events"];
  /** How far members have read; undefined: there is nothing to be told. The same list as long as nobody has read on. */
  readonly readsIn: (conversation: ConversationId) => ReadMark[] | undefined;
  /** Says that the conversation was deleted: what is left of it nobody can read. */
  readonly tellDeleted: (viewer: HubViewer) => void;
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
  const enter = createGate(concurrentRuns);

  const start = (hub: Hub): Run => {
    const waiting = new Set<HubViewer>();
    const work = async (): Promise<void> => {
      await enter(() => giveToAll(deps, hub, waiting)).catch((err: unknown) =>
        deps.log.warn({ err, conversation: hub.conversation }, "a conversation could not be read yet"),
      );
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
  };
}

async function giveToAll(deps: WholeDeps, hub: Hub, waiting: Set<HubViewer>): Promise<void> {
  for (let tries = 0; waiting.size > 0 && isLive(hub); tries++) {
    if (tries === maxTries) throw new Error("the conversation moves faster than it can be read");
    const whole = await readWhole(deps, hub, { fromSeq: lowestFrom(hub, waiting), owed: allOwed(waiting) });
    if (whole === undefined) continue;
    const before = waiting.size;
    let room = giveTo(deps, hub, waiting, whole);
    for (let left = before; room === undefined && waiting.size > 0 && waiting.size < left;) {
      left = waiting.size;
      await nextTurn();
      if (!whole.isCurrent()) break;
      room = giveTo(deps, hub, waiting, whole);
    }
    if (waiting.size < before) tries = 0;
    if (room !== undefined) await makeRoom(deps, hub, room);
  }
}

/** The stream sequence from which on it is to be told each end by itself: up to there it has frames, or has nothing and asks for what followed. */
function fromSeqOf({ sentSeq, owedSeq = 0 }: HubViewer, { offset }: Hub): number {
  return sentSeq > 0 ? sentSeq - offset : owedSeq;
}

/** The lowest of these; undefined: there are none. */
function lowestFrom(hub: Hub, waiting: ReadonlySet<HubViewer>): number | undefined {
  const from = [...waiting].map((viewer) => fromSeqOf(viewer, hub)).filter((seq) => seq > 0);
  return from.length === 0 ? undefined : Math.min(...from);
}

function allOwed(waiting: ReadonlySet<HubViewer>): ReadonlySet<TurnId> {
  return new Set([...waiting].flatMap(({ owed = [] }) => [...owed]));
}

interface Room {
  readonly aboveSeq: number;
  readonly turn: TurnId;
}

/**
 * Some of those for whom the stream has come far enough get it; viewers that cannot take it now are left to whoever brings them. Returns what the
 * others need.
 */
function giveTo(deps: WholeDeps, hub: Hub, waiting: Set<HubViewer>, whole: Whole): Room | undefined {
  let room: Room | undefined;
  let given = 0;
  for (const viewer of waiting) {
    if (given++ === givenAtOnce) break;
    const sentSeq = viewer.sentSeq - hub.offset;
    const seq = whole.seqFor(fromSeqOf(viewer, hub));
    // It came meanwhile, and lacks more than the others: it waits for the next reading.
    if (seq === undefined || !whole.has(viewer.owed)) continue;
    const frame = whole.frameAt(seq, viewer.owed);
    const isTaker = canTake(deps.outbox, viewer);
    if (isTaker && frame !== undefined && seq <= sentSeq) {
      given--;
      room = { turn: turnIn(frame), aboveSeq: Math.max(sentSeq, room?.aboveSeq ?? 0) };
      continue;
    }
    waiting.delete(viewer);
    if (!isTaker) continue;
    sendConversation(deps, viewer, { seq: Math.max(seq, sentSeq), frame: ownFrame(deps, whole, viewer, frame) });
    if (whole.isErased) deps.tellDeleted(viewer);
  }
  return room;
}

/** With what its user has said of the answers, as what they stand in the room, and how far its members have read. */
function ownFrame(
  { readsIn }: WholeDeps,
  whole: Whole,
  { outlet, source }: HubViewer,
  frame: SnapshotFrame | undefined,
): SnapshotFrame | undefined {
  const own = frame && whole.withFeedback(whole.withStanding(frame, outlet.caller), outlet.caller?.user.id);
  const reads = readsIn(source.conversation);
  return own && reads ? withReads(own, reads) : own;
}

/** Made once for all who get the same. */
const framesWithReads = new WeakMap<SnapshotFrame, SnapshotFrame>();

function withReads(frame: SnapshotFrame, reads: ReadMark[]): SnapshotFrame {
  let made = framesWithReads.get(frame);
  if (made?.reads !== reads) framesWithReads.set(frame, (made = { ...frame, reads }));
  return made;
}

/** Each edge that has come as far finds the same. */
function turnIn({ turn_id, messages = [] }: SnapshotFrame): TurnId {
  return turn_id ?? messages.at(-1)?.turn_id ?? "none";
}

/** Makes the stream go on beyond a sequence, if it has not by itself: most of the time other conversations see to that. */
async function makeRoom({ events }: WholeDeps, { shard, conversation }: Hub, { turn, aboveSeq }: Room): Promise<void> {
  if ((await events.state(shard)).lastSeq > aboveSeq) return;
  const mark = { type: "mark" as const, conversation_id: conversation, turn_id: turn, ts: Date.now() };
  await events.writeOnce(subjects.mark(shard, conversation, turn, aboveSeq), mark);
}
