import type { Bus } from "@parley/bus";
import { subjects, type SnapshotFrame } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { deliveryLimits } from "../delivery-limits.ts";
import { confirmFeed } from "./feed.ts";
import { canTake, giveWhole, type GivingDeps, type WholeConversation } from "./giving.ts";
import type { History } from "./history.ts";
import { isLive, type Hub, type HubViewer } from "./hub.ts";
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
    const aboveSeq = giveTo(deps, hub, waiting, whole);
    if (waiting.size < before) tries = 0;
    if (waiting.size > 0 && whole.frame !== undefined) await makeRoom(deps, hub, whole.frame, aboveSeq);
  }
}

/** Those for whom its sequence is high enough get it. Returns which sequence it must be above for the others. */
function giveTo(deps: WholeDeps, { offset }: Hub, waiting: Set<HubViewer>, whole: WholeConversation): number {
  let aboveSeq = 0;
  for (const viewer of waiting) {
    if (canTake(deps.outbox, viewer) && whole.frame !== undefined && offset + whole.seq <= viewer.sentSeq) {
      aboveSeq = Math.max(aboveSeq, viewer.sentSeq - offset);
      continue;
    }
    waiting.delete(viewer);
    if (canTake(deps.outbox, viewer)) giveWhole(deps, viewer, whole);
  }
  return aboveSeq;
}

/**
 * What makes the whole of it, asked in an order that leaves nothing out and has nothing from beyond the sequence:
 *
 * 1. The queue. A turn that is open in the end is in it, or its first event comes later than this: then it comes live.
 * 2. The transcript. A record is written when its turn's end is decided, and before the end itself: the turn began below what comes next.
 * 3. The end of the stream; and up to there whatever its copies, which may be behind, have not brought yet.
 * 4. The turns of the queue from their beginning. Now the hub knows each turn that is open at its newest sequence, so that of these no record is
 *    taken, however far the transcript is ahead.
 *
 * Undefined: the feed is being read again, or ended turns have left the ring since the transcript was read and would be in neither.
 */
async function readWhole(deps: WholeDeps, hub: Hub): Promise<WholeConversation | undefined> {
  const { history, transcripts, events } = deps;
  const { ring, feed, conversation } = hub;
  const { endsLeft } = ring;
  const queued = ring.rooted ? undefined : await history.queued(hub);
  const { records } = await transcripts.tail(conversation, { limit: deliveryLimits.snapshotMessages });
  if (!(await confirmFeed(feed, await events.state(hub.shard)))) return undefined;
  if (queued !== undefined) await history.root(hub, queued);
  if (!isLive(hub) || hub.ring !== ring || ring.endsLeft !== endsLeft) return undefined;
  const isPast = (turn: string): boolean => queued?.startless.has(turn) !== true || ring.ended.has(turn);
  const past = records.filter(({ turn_id }) => isPast(turn_id));
  // Not that of a hidden event which came live: one that it overtook may still come, and nothing would show that.
  const seq = Math.max(feed.intake.sure, ring.floor, ring.events.at(-1)?.seq ?? 0);
  return { seq, frame: conversationSnapshot({ conversation, seq: hub.offset + seq }, ring, past) };
}

/** Makes the stream go on beyond a sequence, if it has not by itself: most of the time other conversations see to that. */
async function makeRoom(
  { events }: WholeDeps,
  { shard, conversation: conversation_id }: Hub,
  { turn_id: open, messages }: SnapshotFrame,
  aboveSeq: number,
): Promise<void> {
  if ((await events.state(shard)).lastSeq > aboveSeq) return;
  const turn_id = open ?? messages?.at(-1)?.turn_id;
  if (turn_id === undefined) return;
  const mark = { type: "mark" as const, conversation_id, turn_id, ts: Date.now() };
  await events.writeOnce(subjects.mark(shard, conversation_id, turn_id, aboveSeq), mark);
}
