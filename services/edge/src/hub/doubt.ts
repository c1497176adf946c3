import type { Bus } from "@parley/bus";
import { parseEventSubject, subjects } from "@parley/protocol";
import { withDeadline, type Logger } from "@parley/runtime";
import { noCursor } from "../cursor.ts";
import { deliveryLimits, type DeliveryLimits } from "../delivery-limits.ts";
import { beginAnew, beginFromNothing, type Hub, type HubViewer } from "./hub.ts";
import { visibleEventOf, type VisibleEvent } from "./visible-event.ts";

/**
 * Whether a client with this cursor may lack an event below it. Its edge sends what comes, and an event that others have overtaken comes last: a
 * client that was cut in between has the later ones and their cursor. Which of two events was the late one, nobody can tell afterwards; but
 * only events of different subjects overtake each other, and not by many (`overtakingEvents`, `overtakingSeqs`).
 *
 * `clear`: it lacks none. `doubtful`: it may. `unknown`: events that matter are below what is known.
 */
export type Doubt = "clear" | "doubtful" | "unknown";

/** All visible events above the floor that have come; up to `sure` all there are. */
export interface Recent {
  readonly floor: number;
  readonly events: readonly VisibleEvent[];
  readonly sure: number;
}

export function doubtOf({ floor, events, sure }: Recent, cursor: number): Doubt {
  if (cursor <= floor) return cursor <= 0 ? "clear" : "unknown";
  const end = events.findLastIndex(({ seq }) => seq <= cursor) + 1;
  // No event's: a snapshot's, from which nothing was missing. Or the event has not come here yet.
  if (events[end - 1]?.seq !== cursor) return cursor <= sure ? "clear" : "unknown";
  const { overtakingEvents, overtakingSeqs } = deliveryLimits;
  const lowest = Math.max(0, cursor - overtakingSeqs);
  const recent = events.slice(Math.max(0, end - overtakingEvents), end).filter(({ seq }) => seq > lowest);
  if (haveSeveralWriters(recent)) return "doubtful";
  return floor <= lowest || end >= overtakingEvents ? "clear" : "unknown";
}

/** Messages, results and progress of tools have each a subject of their own, or may have; the rest of a turn is one chain. */
function haveSeveralWriters(events: readonly VisibleEvent[]): boolean {
  const [first] = events;
  return events.some(({ turn, type }, i) => i > 0 && (turn !== first?.turn || isAlone(type) || isAlone(first.type)));
}

function isAlone(type: string): boolean {
  return type === "message" || type === "tool_call_end" || type === "tool_call_progress";
}

export interface DoubtDeps {
  readonly events: Bus["events"];
  readonly transcripts: Pick<Bus["transcripts"], "tail">;
  readonly limits: Pick<DeliveryLimits, "doubtedViewers" | "doubtedMs">;
  /** Brings a viewer to the present; resolves when it is there. */
  readonly bring: (viewer: HubViewer) => Promise<void>;
  /** Whether so many conversations are being read that more should come later. */
  readonly isBusy: () => boolean;
  readonly log: Logger;
}

export type Doubts = ReturnType<typeof createDoubts>;

/** Viewers that are looked after at a time when many come back: so many share scans of the stream. */
const settledTogether = 256;
/** Viewers that are looked after at once, whoever waits. */
const settledAtOnce = 16;
/** Viewers of many that are given the whole conversation at a time: few, so that who comes back meanwhile does not wait for them. */
const concurrentBrings = 16;

/** Sees to it that who comes back with a cursor lacks nothing below it. */
export function createDoubts(deps: DoubtDeps) {
  const settle = createSettling(deps);
  const lacking = createPool(concurrentBrings, async (viewer) => {
    if (!isDoubted(viewer)) return;
    beginAnew(viewer);
    await deps.bring(viewer);
  });
  const waiting = createPool(settledTogether, async (viewer) => {
    if (await settle(viewer)) lacking.add(viewer);
  });
  let settling = 0;

  const settleNow = async (viewer: HubViewer): Promise<void> => {
    settling++;
    const isLacking = await settle(viewer);
    settling--;
    if (!isLacking) return;
    beginAnew(viewer);
    await deps.bring(viewer);
  };

  const later = (viewer: HubViewer): void => {
    if (waiting.size() + lacking.size() >= deps.limits.doubtedViewers) beginAnew(viewer);
    else waiting.add(viewer);
  };

  return {
    /**
     * The viewer goes on from the cursor, once it is known that it lacks nothing; else it begins anew. `doubtedSeq` says that it is not known yet:
     * until then the viewer gets nothing.
     */
    resume(viewer: HubViewer, cursor: number): void {
      viewer.cursor = cursor;
      const { ring, feed, wasDeleted } = viewer.source;
      const recent = { ...ring, sure: wasDeleted ? 0 : feed.intake.sure };
      const doubt = cursor === noCursor ? "clear" : doubtOf(recent, cursor);
      if (doubt === "clear") return;
      if (doubt === "doubtful" && !deps.isBusy()) return beginAnew(viewer);
      viewer.doubtedSeq = cursor;
      if (deps.isBusy() || settling >= settledAtOnce) later(viewer);
      else void settleNow(viewer);
    },
  };
}

/** Works on the viewers that are added, so many at a time. A slow one holds its own place and no other. `work` must not reject. */
function createPool(places: number, work: (viewer: HubViewer) => Promise<void>) {
  const waiting = new Set<HubViewer>();
  let running = 0;
  const run = async (): Promise<void> => {
    running++;
    for (const viewer of waiting) {
      waiting.delete(viewer);
      await work(viewer);
    }
    running--;
  };
  return {
    /** Viewers that wait or are worked on. */
    size: (): number => waiting.size + running,

    add(viewer: HubViewer): void {
      waiting.add(viewer);
      if (running < places) void run();
    },
  };
}

/** Else it has got the whole conversation meanwhile, or has left. */
function isDoubted({ state, doubtedSeq }: HubViewer): boolean {
  return state !== "gone" && doubtedSeq !== noCursor;
}

/** What is stored says of a cursor. `gone`: what its client has was deleted. */
type Finding = "clear" | "lacking" | "gone";

/** Returns how a viewer's doubt is settled; that resolves to whether it must begin anew, at the latest after `doubtedMs`. */
function createSettling(deps: DoubtDeps) {
  const { limits, bring, log } = deps;

  return async (viewer: HubViewer): Promise<boolean> => {
    const { source: hub, doubtedSeq } = viewer;
    if (!isDoubted(viewer)) return false;
    const look = findingOf(deps, hub, doubtedSeq);
    const finding = await withDeadline(look, limits.doubtedMs, "looking for what a viewer may lack").catch(
      (err: unknown): Finding => {
        log.warn({ err, conversation: hub.conversation }, "what a viewer may lack could not be read");
        return "lacking";
      },
    );
    if (!isDoubted(viewer) || viewer.doubtedSeq !== doubtedSeq) return false;
    if (finding === "lacking") return true;
    viewer.doubtedSeq = noCursor;
    if (finding === "gone") beginFromNothing(viewer);
    else if (viewer.state === "doubted") viewer.state = "lagging";
    void bring(viewer);
    return false;
  };
}

type Stored = Pick<DoubtDeps, "events" | "transcripts">;

async function findingOf(stored: Stored, hub: Hub, cursor: number): Promise<Finding> {
  if (await isPlainSnapshots(stored, hub, cursor)) return "clear";
  const floor = Math.max(0, cursor - deliveryLimits.overtakingSeqs);
  const messages = await stored.events.read(hub.conversation, { fromSeq: floor + 1, toSeq: cursor });
  if (messages.length === 0) return findingOfQuiet(stored, hub, cursor);
  const visible = messages.flatMap((message) => {
    const turn = parseEventSubject(message.subject)?.turn ?? "";
    return visibleEventOf(message, turn, hub.offset) ?? [];
  });
  return doubtOf({ floor, events: visible, sure: cursor }, cursor) === "doubtful" ? "lacking" : "clear";
}

/**
 * Whether the cursor is a snapshot's (another conversation's event is at its place) of what has not been deleted since: then nothing was missing
 * below it. Exact look-ups, which cost the broker next to nothing: of a crowd that comes back, who was idle needs no more. False: it is to be read.
 */
async function isPlainSnapshots({ events, transcripts }: Stored, hub: Hub, cursor: number): Promise<boolean> {
  const { conversation, shard } = hub;
  const subject = await events.subjectAt(shard, cursor);
  if (subject === undefined || parseEventSubject(subject)?.conversation === conversation) return false;
  const [newest] = (await transcripts.tail(conversation, { limit: 1 })).records;
  if (newest === undefined) return false;
  const start = await events.last(subjects.user(shard, conversation, newest.turn_id));
  // Records go all at once: where one is that is no newer than the cursor, nothing was deleted since.
  return start !== undefined && start.seq <= cursor;
}

/**
 * Of a cursor with nothing of the conversation stored for as far below it as events overtake each other. That is so of a snapshot's, if the
 * conversation was quiet for a while; and of any if what was below is older than events are kept, or was deleted.
 */
async function findingOfQuiet(stored: Stored, hub: Hub, cursor: number): Promise<Finding> {
  const { events } = stored;
  const all = subjects.eventsOf(hub.shard, hub.conversation);
  const newest = await events.last(all);
  if (newest !== undefined && newest.seq <= cursor) return "clear";
  // What is old goes bit by bit, a conversation that is deleted at once: of that nothing is left from before the cursor.
  if (newest !== undefined && ((await events.firstSeq(all)) ?? Infinity) <= cursor) return "clear";
  if (await wasDeletedAfter(stored, hub, { cursor, isEmpty: newest === undefined })) return "gone";
  // Where even the cursor's place is no longer kept, it may have been an event's, and nobody can tell what that one had overtaken.
  const { firstSeq } = await events.state(hub.shard);
  return cursor < firstSeq ? "lacking" : "clear";
}

/**
 * Of a conversation without events up to the cursor; `isEmpty`: it has none at all. Records are kept until they are deleted, and all at once: one of a turn
 * that did not begin after the cursor shows that nothing was deleted since.
 */
async function wasDeletedAfter(
  { events, transcripts }: Stored,
  { conversation, shard }: Hub,
  { cursor, isEmpty }: { readonly cursor: number; readonly isEmpty: boolean },
): Promise<boolean> {
  // If all of so many are newer, the client gets the whole in any case.
  const limit = isEmpty ? 1 : deliveryLimits.snapshotMessages;
  const { records } = await transcripts.tail(conversation, { limit });
  const [oldest] = records;
  if (oldest === undefined || isEmpty) return oldest === undefined;
  const start = await events.last(subjects.user(shard, conversation, oldest.turn_id));
  return start !== undefined && start.seq > cursor;
}
