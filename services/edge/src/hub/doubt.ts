import type { EventLog } from "@parley/bus";
import { parseEventSubject, subjects } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
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
  readonly events: EventLog;
  readonly limits: Pick<DeliveryLimits, "doubtedViewers">;
  /** Brings a viewer to the present; resolves when it is there. */
  readonly bring: (viewer: HubViewer) => Promise<void>;
  /** Whether so many conversations are being read that more should come later. */
  readonly isBusy: () => boolean;
  readonly log: Logger;
}

export type Doubts = ReturnType<typeof createDoubts>;

/** Viewers that are looked after at a time when many come back: so many share scans of the stream. */
const batchSize = 256;
/** Viewers that are looked after at once, whoever waits. */
const settledAtOnce = 16;
/** Viewers of many that are given the whole conversation at a time: few, so that who comes back meanwhile does not wait for them. */
const concurrentBrings = 16;

/** Sees to it that who comes back with a cursor lacks nothing below it. */
export function createDoubts(deps: DoubtDeps) {
  const settle = createSettling(deps);
  const lacking = createBringing(deps);
  let waiting: HubViewer[] = [];
  /** Of those that have waited. */
  let batch: HubViewer[] = [];
  let settling = 0;

  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      batch = waiting.slice(0, batchSize);
      waiting = waiting.slice(batchSize);
      const settled = await Promise.all(batch.map(settle));
      lacking.add(settled.flatMap((viewer) => viewer ?? []));
    }
    batch = [];
  };

  const settleNow = async (viewer: HubViewer): Promise<void> => {
    settling++;
    const isLacking = (await settle(viewer)) !== undefined;
    settling--;
    if (!isLacking) return;
    beginAnew(viewer);
    await deps.bring(viewer);
  };

  const later = (viewer: HubViewer): void => {
    if (waiting.length + batch.length + lacking.size() >= deps.limits.doubtedViewers) return beginAnew(viewer);
    waiting.push(viewer);
    if (batch.length === 0) void work();
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

/** Viewers that lack something, and wait for the whole. */
function createBringing({ bring }: DoubtDeps) {
  const lacking = new Set<HubViewer>();
  let running = 0;
  const bringSome = async (): Promise<void> => {
    running++;
    for (const viewer of lacking) {
      lacking.delete(viewer);
      if (!isDoubted(viewer)) continue;
      beginAnew(viewer);
      await bring(viewer);
    }
    running--;
  };
  return {
    size: (): number => lacking.size,

    add(viewers: readonly HubViewer[]): void {
      for (const viewer of viewers) lacking.add(viewer);
      while (running < Math.min(concurrentBrings, lacking.size)) void bringSome();
    },
  };
}

/** Else it has got the whole conversation meanwhile, or has left. */
function isDoubted({ state, doubtedSeq }: HubViewer): boolean {
  return state !== "gone" && doubtedSeq !== noCursor;
}

/** What is stored says of a cursor. `gone`: what its client has may have been deleted. */
type Finding = "clear" | "lacking" | "gone";

/** Returns how a viewer's doubt is settled; that resolves to the viewer if it must begin anew. */
function createSettling(deps: DoubtDeps) {
  const { events, bring, log } = deps;

  return async (viewer: HubViewer): Promise<HubViewer | undefined> => {
    const { source: hub, doubtedSeq } = viewer;
    if (!isDoubted(viewer)) return undefined;
    const finding = await findingOf(events, hub, doubtedSeq).catch((err: unknown): Finding => {
      log.warn({ err, conversation: hub.conversation }, "what a viewer may lack could not be read");
      return "lacking";
    });
    if (!isDoubted(viewer) || viewer.doubtedSeq !== doubtedSeq) return undefined;
    if (finding === "lacking") return viewer;
    viewer.doubtedSeq = noCursor;
    if (finding === "gone") beginFromNothing(viewer);
    else if (viewer.state === "doubted") viewer.state = "lagging";
    void bring(viewer);
    return undefined;
  };
}

async function findingOf(events: EventLog, { conversation, shard, offset }: Hub, cursor: number): Promise<Finding> {
  const floor = Math.max(0, cursor - deliveryLimits.overtakingSeqs);
  const messages = await events.read(conversation, { fromSeq: floor + 1, toSeq: cursor });
  if (messages.length === 0) {
    // What is old goes bit by bit, a conversation that is deleted at once: of that nothing is left from before the cursor.
    const newest = await events.last(subjects.eventsOf(shard, conversation));
    return newest !== undefined && newest.seq <= cursor ? "clear" : "gone";
  }
  const visible = messages.flatMap((message) => {
    const turn = parseEventSubject(message.subject)?.turn ?? "";
    return visibleEventOf(message, turn, offset) ?? [];
  });
  return doubtOf({ floor, events: visible, sure: cursor }, cursor) === "doubtful" ? "lacking" : "clear";
}
