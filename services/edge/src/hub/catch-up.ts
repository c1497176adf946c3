import { RangeTooLargeError, type Bus } from "@parley/bus";
import { closeCodes, type LogRecord } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { noCursor } from "../cursor.ts";
import { deliveryLimits } from "../delivery-limits.ts";
import type { Outbox } from "../socket/outbox.ts";
import { planCatchUp, turnUnderWay, type CatchUpPlan, type CatchUpStep } from "./catch-up-plan.ts";
import type { History } from "./history.ts";
import { isLive, type Hub, type HubViewer } from "./hub.ts";
import type { Known } from "./ring.ts";
import { conversationSnapshot, turnSnapshot } from "./snapshot.ts";

export type ResumeMode = "live" | "replay" | "snapshot";

export interface CatchUpDeps {
  readonly outbox: Outbox;
  readonly history: History;
  readonly transcripts: Pick<Bus["transcripts"], "tail">;
  readonly counters: { snapshots: number; resumes: Record<ResumeMode, number> };
  /** There may be more for the viewers of this hub. */
  readonly mark: (hub: Hub) => void;
  readonly log: Logger;
}

export type CatchUp = ReturnType<typeof createCatchUp>;

/** Each reading may show that more is needed: first what is missing, then the beginning of its turns. */
const readTries = 4;
/** A viewer that cannot be caught up because the broker does not answer is sent away after this many tries, a second apart. */
const maxFailures = 15;

/** Brings lagging viewers to the present, from the ring when it can and from the broker when it must. */
export function createCatchUp(deps: CatchUpDeps) {
  const { outbox, log } = deps;
  /** Viewers whose reading failed; they are tried again by `sweep`. */
  let failed: HubViewer[] = [];

  const readFor = async (viewer: HubViewer): Promise<void> => {
    viewer.isReading = true;
    let hasFailed = false;
    await read(deps, viewer).catch((err: unknown) => {
      hasFailed = true;
      log.warn({ err, conversation: viewer.source.conversation }, "a viewer could not be caught up yet");
    });
    viewer.isReading = false;
    viewer.failures = canGoOn(deps, viewer) ? viewer.failures + 1 : 0;
    if (viewer.failures > maxFailures) outbox.close(viewer.outlet, closeCodes.overloaded, "try again");
    // What it waited for may have come while it was held: that is worth one more try at once.
    else if (viewer.failures === 1 && !hasFailed) catchUp(viewer);
    else if (viewer.failures > 0) failed.push(viewer);
  };

  /** Brings the viewer to the present if it lags and can be served now. */
  const catchUp = (viewer: HubViewer): void => {
    if (viewer.isReading || !canGoOn(deps, viewer)) return;
    const plan = viewer.cursor === noCursor ? undefined : planFor(viewer, viewer.source.ring);
    if (plan?.kind === "steps") give(deps, viewer, plan);
    else void readFor(viewer);
  };

  return {
    catchUp,

    /** Tries again what failed. */
    sweep(): void {
      const again = failed;
      failed = [];
      for (const viewer of again) catchUp(viewer);
    },
  };
}

function canGoOn({ outbox }: CatchUpDeps, { state, source, outlet, cursor, sentSeq }: HubViewer): boolean {
  if (state !== "lagging" || !isLive(source) || !outbox.isWritable(outlet)) return false;
  // A client takes a frame that is not above the one before for a repeat. There is always another event to come: a turn is open.
  return cursor !== noCursor || source.offset + source.feed.intake.last > sentSeq;
}

async function read(deps: CatchUpDeps, viewer: HubViewer): Promise<void> {
  let known: Known | undefined;
  for (let tries = 0; tries < readTries && canGoOn(deps, viewer); tries++) {
    if (viewer.cursor === noCursor) return giveConversation(deps, viewer);
    const plan = planFor(viewer, known ?? viewer.source.ring);
    if (plan.kind === "steps") return give(deps, viewer, plan);
    known = await readMore(deps.history, viewer, plan).catch((error: unknown) => {
      if (!(error instanceof RangeTooLargeError)) throw error;
      viewer.cursor = noCursor;
      return undefined;
    });
  }
}

function planFor({ begins, cursor }: HubViewer, known: Known): CatchUpPlan {
  const plan = planCatchUp(known, cursor);
  const turn = begins && plan.kind === "steps" ? turnUnderWay(known, cursor) : undefined;
  return turn === undefined ? plan : { kind: "turn under way", turn };
}

type Unready = Exclude<CatchUpPlan, { kind: "steps" }>;

/** What the plan lacks. Undefined: the hub itself can say more now. */
async function readMore(history: History, viewer: HubViewer, plan: Unready): Promise<Known | undefined> {
  const { source: hub, cursor } = viewer;
  if (plan.kind === "below floor") {
    return (await history.isQuietSince(hub, cursor)) ? undefined : history.from(hub, cursor + 1);
  }
  const start = await history.startOf(hub, plan.turn);
  if (plan.kind === "turn under way") {
    viewer.cursor = start === undefined ? noCursor : Math.min(cursor, start - 1);
    viewer.fromSeq = Math.min(viewer.fromSeq, viewer.cursor);
    return undefined;
  }
  if (start !== undefined) return history.from(hub, Math.min(start, cursor + 1));
  viewer.cursor = noCursor;
  return undefined;
}

type Ready = Extract<CatchUpPlan, { kind: "steps" }>;

function give(deps: CatchUpDeps, viewer: HubViewer, { mode, steps }: Ready): void {
  viewer.begins = false;
  deps.outbox.cork(viewer.outlet, () => {
    greet(deps, viewer, mode, viewer.cursor);
    let takesMore = deps.outbox.isWritable(viewer.outlet);
    for (const step of takesMore ? steps : []) {
      viewer.cursor = step.seq;
      takesMore = sendStep(deps, viewer, step);
      if (!takesMore) break;
    }
    // If the socket is full it lags on, and gets the rest, if there is any, when it has drained.
    if (takesMore && viewer.state === "lagging") viewer.state = "live";
  });
  // What came while the plan was made from an older reading.
  if ((viewer.source.ring.events.at(-1)?.seq ?? 0) > viewer.cursor) deps.mark(viewer.source);
}

function sendStep({ outbox, counters }: CatchUpDeps, { outlet, source }: HubViewer, step: CatchUpStep): boolean {
  if (step.kind === "event") return outbox.sendEvent(outlet, step.event);
  counters.snapshots++;
  const place = { conversation: source.conversation, seq: source.offset + step.seq };
  return outbox.sendFrame(outlet, turnSnapshot(place, step.turn));
}

function greet({ outbox, counters }: CatchUpDeps, viewer: HubViewer, mode: ResumeMode, cursor: number): void {
  if (!viewer.isGreeted) return;
  viewer.isGreeted = false;
  counters.resumes[mode]++;
  const { conversation: conversation_id, offset } = viewer.source;
  outbox.sendFrame(viewer.outlet, {
    type: "subscribed",
    conversation_id,
    mode,
    seq: Math.max(0, offset + cursor),
  });
}

async function giveConversation(deps: CatchUpDeps, viewer: HubViewer): Promise<void> {
  const { source: hub, outlet } = viewer;
  const records = await readTail(deps, hub);
  if (!canGoOn(deps, viewer)) return;
  const { last } = hub.feed.intake;
  const frame = conversationSnapshot({ conversation: hub.conversation, seq: hub.offset + last }, hub.ring, records);
  deps.outbox.cork(outlet, () => {
    // Frames follow from the cursor that `subscribed` names, and the snapshot itself is the first.
    if (frame === undefined) greet(deps, viewer, "live", last);
    else greet(deps, viewer, "snapshot", last - 1);
    viewer.cursor = last;
    viewer.fromSeq = noCursor;
    viewer.state = "live";
    if (frame === undefined) return;
    deps.counters.snapshots++;
    if (!deps.outbox.sendFrame(outlet, frame) && outlet.ws !== undefined) viewer.state = "lagging";
  });
}

/** The transcript's tail. Together with the hub, which knows all open turns then, it is the whole conversation. */
async function readTail({ history, transcripts }: CatchUpDeps, hub: Hub): Promise<readonly LogRecord[]> {
  await history.root(hub);
  for (let tries = 1; ; tries++) {
    const { ring } = hub;
    const { floor } = ring;
    const { records } = await transcripts.tail(hub.conversation, { limit: deliveryLimits.snapshotMessages });
    // What left the ring while the transcript was read could be in neither.
    if ((hub.ring === ring && ring.floor === floor) || tries === readTries) return records;
  }
}
