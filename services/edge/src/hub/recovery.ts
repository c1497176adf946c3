import { decodeVisible, type VisibleEvent } from "@parley/dialects";
import type { SnapshotFrame, WaitingFrame } from "@parley/protocol";
import { noCursor } from "../cursor.ts";
import { firstAfter } from "../delivery/delivery.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { CatchUpMode, SubscriptionFigures } from "../figures/subscription-figures.ts";
import type { CatchUpPlan, CatchUpStep } from "./catch-up-plan.ts";
import { isLive, type Hub, type HubViewer } from "./hub.ts";
import { turnSnapshot } from "./snapshot.ts";
import { hasRoom } from "./room-for-post.ts";
import { moveViewer, type Viewer } from "./viewer.ts";

/** A conversation as of a sequence of its stream: everything up to it, and nothing from beyond. */
export interface WholeConversation {
  readonly seq: number;
  /** Undefined: nothing was said. */
  readonly frame: SnapshotFrame | undefined;
}

export interface RecoveryDeps {
  readonly outbox: Outbox;
  readonly counters: { snapshots: number; subscriptions: Pick<SubscriptionFigures, "subscribed"> };
  /** Tells a viewer what waits, if it is live and has heard otherwise. */
  readonly tellQueue: (viewer: HubViewer) => void;
  /** There may be more for the viewers of this hub. */
  readonly mark: (hub: Hub) => void;
}

/** Whether the viewer lags and can be served now. */
export function canTake(outbox: Outbox, { state, source, outlet }: HubViewer): boolean {
  return state === "lagging" && isLive(source) && outbox.isWritable(outlet);
}

type Ready = Extract<CatchUpPlan, { kind: "steps" }>;

/** Gives a viewer what it lacks, as far as its socket takes it. */
export function sendSteps(deps: RecoveryDeps, viewer: HubViewer, { mode, steps }: Ready): void {
  viewer.begins = false;
  deps.outbox.cork(viewer.outlet, () => {
    greet(deps, viewer, { mode, seq: viewer.source.offset + viewer.cursor, steps });
    let takesMore = deps.outbox.isWritable(viewer.outlet);
    for (const step of takesMore ? steps : []) {
      if (step.kind === "event" && !hasRoom(viewer, step.event)) {
        takesMore = false;
        break;
      }
      viewer.cursor = step.seq;
      viewer.mayLackOf = undefined;
      takesMore = sendStep(deps, viewer, step);
      if (!takesMore) break;
    }
    // If the socket is full it lags on, and gets the rest, if there is any, when it has drained.
    if (takesMore) moveViewer(viewer, "live");
    deps.tellQueue(viewer);
  });
  markNewer(deps, viewer);
}

/** What came while something older was read for the viewer. */
function markNewer({ mark }: RecoveryDeps, { source, cursor }: HubViewer): void {
  const { floor, events } = source.ring;
  if ((events.at(-1)?.seq ?? floor) > cursor) mark(source);
}

/** The frames of steps that several viewers get: made, and encoded, once. */
const framesOfSteps = new WeakMap<CatchUpStep, SnapshotFrame>();

function sendStep({ outbox, counters }: RecoveryDeps, { outlet, source }: HubViewer, step: CatchUpStep): boolean {
  if (step.kind === "event") return outbox.sendEvent(outlet, step.event);
  counters.snapshots++;
  let frame = framesOfSteps.get(step);
  if (frame === undefined) {
    frame = turnSnapshot({ conversation: source.conversation, seq: source.offset + step.seq }, step.turn);
    framesOfSteps.set(step, frame);
  }
  return outbox.sendFrame(outlet, frame);
}

/** What a snapshot said, which may be older than what is known now. */
const inSnapshot: WaitingFrame = { type: "queue", conversation_id: "", turns: [] };

/** Gives a viewer the whole conversation: from now on it is live, and gets what is above that from the ring. */
export function sendConversation(deps: RecoveryDeps, viewer: HubViewer, { seq, frame }: WholeConversation): void {
  const { outlet } = viewer;
  deps.outbox.cork(outlet, () => {
    // `subscribed` claims nothing of a snapshot that is still to come: whoever is cut before it asks with what it has, or for all. Where nothing
    // was said, or no more, what a client has is nothing: only 0 tells it so.
    if (frame === undefined) greet(deps, viewer, { mode: "live", seq: 0 });
    else greet(deps, viewer, { mode: "snapshot", seq: viewer.sentSeq });
    for (const answer of viewer.promised?.values() ?? []) deps.outbox.sendFrame(outlet, answer);
    viewer.promised = undefined;
    viewer.cursor = seq;
    viewer.fromSeq = noCursor;
    viewer.doubtedSeq = noCursor;
    viewer.mayLackOf = undefined;
    viewer.owedSeq = viewer.owed = undefined;
    viewer.wholeSeq = seq;
    viewer.queueTold = undefined;
    // What followed is below the ring if this was far behind.
    moveViewer(viewer, seq < viewer.source.ring.floor ? "lagging" : "live");
    if (frame !== undefined) sendWhole(deps, viewer, frame);
    deps.tellQueue(viewer);
  });
  markNewer(deps, viewer);
}

function sendWhole({ outbox, counters }: RecoveryDeps, viewer: HubViewer, frame: SnapshotFrame): void {
  counters.snapshots++;
  if (frame.queue !== undefined) viewer.queueTold = inSnapshot;
  if (!outbox.sendFrame(viewer.outlet, frame) && viewer.outlet.ws !== undefined) moveViewer(viewer, "lagging");
}

interface Greeting {
  readonly mode: CatchUpMode;
  readonly seq: number;
  /** What the viewer gets; undefined: the whole conversation. */
  readonly steps?: readonly CatchUpStep[];
}

function greet({ outbox, counters }: RecoveryDeps, viewer: HubViewer, { mode, seq, steps }: Greeting): void {
  if (!viewer.isGreeted) return;
  viewer.isGreeted = false;
  counters.subscriptions.subscribed(viewer, mode, () => steps && behindMs(viewer, steps));
  const { conversation: conversation_id } = viewer.source;
  outbox.sendFrame(viewer.outlet, { type: "subscribed", conversation_id, mode, seq: Math.max(0, seq) });
}

/**
 * How long ago the first event was made that the viewer lacks (clocks of two machines); 0: it lacks none. Undefined: that event is not at hand, neither in
 * the ring nor first in `steps`, which are what it gets.
 */
function behindMs({ cursor, source }: Viewer, steps: readonly CatchUpStep[]): number | undefined {
  const { floor, events } = source.ring;
  const [step] = steps;
  if (step === undefined) return 0;
  const first = cursor >= floor ? events[firstAfter(events, cursor)] : step.kind === "event" ? step.event : undefined;
  const madeMs = first === undefined ? undefined : timeOf(first);
  return madeMs === undefined ? undefined : Math.max(0, Date.now() - madeMs);
}

/** Many who come back at once have missed the same event. */
let newest: { readonly event: VisibleEvent; readonly ms: number | undefined } | undefined;

function timeOf(event: VisibleEvent): number | undefined {
  if (newest?.event !== event) {
    const decoded = decodeVisible(event);
    newest = { event, ms: "ts" in decoded ? decoded.ts : undefined };
  }
  return newest.ms;
}
