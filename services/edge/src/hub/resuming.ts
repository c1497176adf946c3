import { RangeTooLargeError } from "@parley/bus";
import { createGate, type Logger } from "@parley/runtime";
import { noCursor } from "../cursor.ts";
import { deliveryLimits } from "../delivery/delivery-limits.ts";
import { findingOfQuiet } from "./deleted-since.ts";
import { doubtOf, type Doubt } from "./doubt.ts";
import type { History } from "./history.ts";
import { beginAnew, beginFromNothing, type Hub, type HubViewer } from "./hub.ts";
import { isAtRest, type Stored } from "./rest.ts";
import { lowerFloor } from "./ring.ts";
import { moveViewer } from "./viewer.ts";

export interface ResumingDeps extends Stored {
  readonly history: Pick<History, "from" | "confirm">;
  /** Brings a viewer to the present if it lags. */
  readonly catchUp: (viewer: HubViewer) => void;
  readonly log: Logger;
}

export type Resuming = ReturnType<typeof createResuming>;

/** Viewers that ask the broker at a time whether their conversation rests. Its answers come one after the other, and others wait for some too. */
const concurrentLooks = 256;
/** So many that come back at once read the stream first, in which they share what they need; look-ups are each viewer's own. */
const crowd = 32;
/** If they are not behind by more than so many events of the stream: a quarter of a second's reading. */
const recentSeqs = 30_000;

/** What is known of a cursor in the end. */
type Finding = Exclude<Doubt, "unknown"> | "gone";

/** Sees to it that who comes back with a cursor lacks nothing below it. */
export function createResuming(deps: ResumingDeps) {
  const { log } = deps;
  const look = createGate(concurrentLooks);

  let settling = 0;

  const findingOf = async (hub: Hub, cursor: number): Promise<Finding> => {
    const { ring } = hub;
    const { floor } = ring;
    const sharesReading = settling > crowd && floor - cursor < recentSeqs;
    if (!sharesReading && (await look(() => isAtRest(deps, hub, cursor)))) {
      // There is nothing between the cursor and what came live.
      if (hub.ring === ring && ring.floor === floor && ring.floor > cursor) lowerFloor(ring, cursor);
      return "clear";
    }
    return findingInStream(deps, hub, cursor);
  };

  /** Until it is known the viewer gets nothing. */
  const settle = async (viewer: HubViewer): Promise<void> => {
    const { source: hub, doubtedSeq } = viewer;
    settling++;
    const finding = await findingOf(hub, doubtedSeq).catch((err: unknown): Finding => {
      if (!(err instanceof RangeTooLargeError)) {
        log.warn({ err, conversation: hub.conversation }, "what a viewer may lack could not be read");
      }
      return "whole";
    });
    settling--;
    // It has begun anew meanwhile, or has left.
    if (viewer.state === "gone" || viewer.doubtedSeq !== doubtedSeq) return;
    apply(viewer, finding);
    if (viewer.state === "doubted") moveViewer(viewer, "lagging");
    deps.catchUp(viewer);
  };

  return {
    /** The viewer goes on from the cursor, or anew: the latter also later, when that is known only then (`doubtedSeq`). */
    resume(viewer: HubViewer, cursor: number): void {
      viewer.cursor = cursor;
      // Where it began to look on nobody knows: turns that ended before that it may have missed.
      viewer.wholeSeq = cursor;
      if (cursor === noCursor) return;
      const { ring, feed, wasDeleted } = viewer.source;
      const doubt = doubtOf({ ...ring, sure: wasDeleted ? 0 : feed.intake.sure }, cursor);
      if (doubt !== "unknown") return apply(viewer, doubt);
      viewer.doubtedSeq = cursor;
      void settle(viewer);
    },
  };
}

function apply(viewer: HubViewer, finding: Finding): void {
  viewer.doubtedSeq = noCursor;
  if (finding === "whole") beginAnew(viewer);
  else if (finding === "gone") beginFromNothing(viewer);
  else if (finding !== "clear") viewer.mayLackOf = finding.ofTurn;
}

/** Reads as far below the cursor as events overtake each other. When many come back, they share scans of the stream. */
async function findingInStream(deps: ResumingDeps, hub: Hub, cursor: number): Promise<Finding> {
  const { history } = deps;
  // Its event may not have come here yet.
  if (cursor > hub.feed.intake.sure) await history.confirm(hub);
  const floor = Math.max(0, cursor - deliveryLimits.overtakingSeqs);
  const { events } = await history.from(hub, floor + 1);
  if (!events.some(({ seq }) => seq > floor && seq <= cursor)) return findingOfQuiet(deps, hub, cursor);
  const doubt = doubtOf({ floor, events, sure: Math.max(hub.ring.floor, hub.feed.intake.sure) }, cursor);
  return doubt === "unknown" ? "whole" : doubt;
}
