import type { EventLog } from "@parley/bus";
import { parseEventSubject } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { noCursor } from "../cursor.ts";
import { deliveryLimits } from "../delivery-limits.ts";
import { beginAnew, type HubViewer } from "./hub.ts";
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
  /** Brings a viewer to the present; resolves when it is there. */
  readonly bring: (viewer: HubViewer) => Promise<void>;
  /** Whether so many conversations are being read that more should come later. */
  readonly isBusy: () => boolean;
  readonly log: Logger;
}

export type Doubts = ReturnType<typeof createDoubts>;

/** Viewers that are looked after at a time: so many share scans of the stream. */
const batchSize = 256;
/** Of those, viewers that are given the whole conversation at a time: few, so that who comes back meanwhile does not wait for them. */
const concurrentBrings = 16;

/** Viewers that wait for it at a time. */
const settledAtOnce = 16;

/** Sees to it that who comes back with a cursor lacks nothing below it. */
export function createDoubts(deps: DoubtDeps) {
  let waiting: HubViewer[] = [];
  let isWorking = false;

  const work = async (): Promise<void> => {
    isWorking = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchSize);
      waiting = waiting.slice(batchSize);
      const lacking = await Promise.all(batch.map((viewer) => settleDoubt(deps, viewer)));
      await bringAll(
        deps,
        lacking.flatMap((viewer) => viewer ?? []),
      );
    }
    isWorking = false;
  };

  const later = (viewer: HubViewer): void => {
    waiting.push(viewer);
    if (!isWorking) void work();
  };
  const resume = (viewer: HubViewer, cursor: number): void => {
    viewer.cursor = cursor;
    const { ring, feed } = viewer.source;
    const doubt = cursor === noCursor ? "clear" : doubtOf({ ...ring, sure: feed.intake.sure }, cursor);
    if (doubt === "clear") return;
    if (doubt === "doubtful" && !deps.isBusy()) return beginAnew(viewer);
    viewer.doubtedSeq = cursor;
  };
  let settling = 0;

  return {
    /** As `resume`, but a viewer that is not one of many waits until it is known whether it lacks something: it is shown nothing wrong meanwhile. */
    async resumeSettled(viewer: HubViewer, cursor: number): Promise<void> {
      resume(viewer, cursor);
      if (viewer.doubtedSeq === noCursor) return;
      if (deps.isBusy() || settling >= settledAtOnce) return later(viewer);
      settling++;
      const lacking = await settleDoubt(deps, viewer);
      settling--;
      if (lacking !== undefined) beginAnew(lacking);
    },

    /**
     * The viewer goes on from the cursor. If its hub knows that it may lack something, it begins anew; if it does not know, or many come back at
     * once, the viewer goes on, and is looked after a moment later.
     */
    resume(viewer: HubViewer, cursor: number): void {
      resume(viewer, cursor);
      if (viewer.doubtedSeq !== noCursor) later(viewer);
    },
  };
}

/** Returns the viewer if it must begin anew. */
async function settleDoubt(deps: DoubtDeps, viewer: HubViewer): Promise<HubViewer | undefined> {
  const { source: hub, doubtedSeq } = viewer;
  if (!isDoubted(viewer)) return undefined;
  const isLacking = await mayLack(deps, viewer).catch((err: unknown) => {
    deps.log.warn({ err, conversation: hub.conversation }, "what a viewer may lack could not be read");
    return true;
  });
  if (!isDoubted(viewer) || viewer.doubtedSeq !== doubtedSeq) return undefined;
  if (!isLacking) viewer.doubtedSeq = noCursor;
  return isLacking ? viewer : undefined;
}

/** Else it has got the whole conversation meanwhile, or has left. */
function isDoubted({ state, doubtedSeq }: HubViewer): boolean {
  return state !== "gone" && doubtedSeq !== noCursor;
}

async function bringAll({ bring }: DoubtDeps, lacking: readonly HubViewer[]): Promise<void> {
  const viewers = lacking.values();
  const bringSome = async (): Promise<void> => {
    for (const viewer of viewers) {
      if (!isDoubted(viewer)) continue;
      beginAnew(viewer);
      await bring(viewer);
    }
  };
  await Promise.all(Array.from({ length: concurrentBrings }, bringSome));
}

/** As `doubtOf`, by what is stored. */
async function mayLack({ events }: DoubtDeps, { source: hub, doubtedSeq: cursor }: HubViewer): Promise<boolean> {
  const { conversation, shard } = hub;
  const subject = await events.subjectAt(shard, cursor);
  if (subject === undefined || parseEventSubject(subject)?.conversation !== conversation) return false;
  const floor = Math.max(0, cursor - deliveryLimits.overtakingSeqs);
  const messages = await events.read(conversation, { fromSeq: floor + 1, toSeq: cursor });
  const visible = messages.flatMap((message) => {
    const turn = parseEventSubject(message.subject)?.turn ?? "";
    return visibleEventOf(message, turn, hub.offset) ?? [];
  });
  return doubtOf({ floor, events: visible, sure: cursor }, cursor) === "doubtful";
}
