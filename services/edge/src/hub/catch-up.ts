import type { Bus } from "@parley/bus";
import { closeCodes } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { noCursor } from "../cursor.ts";
import { deliveryLimits } from "../delivery-limits.ts";
import type { Outbox } from "../socket/outbox.ts";
import { planCatchUp, type CatchUpPlan, type CatchUpStep } from "./catch-up-plan.ts";
import type { History } from "./history.ts";
import type { HubViewer } from "./hub.ts";
import { conversationSnapshot, turnSnapshot } from "./snapshot.ts";

export interface CatchUpDeps {
  readonly outbox: Outbox;
  readonly history: History;
  readonly transcripts: Pick<Bus["transcripts"], "tail">;
  readonly counters: { snapshots: number; resumes: Record<ResumeMode, number> };
  readonly log: Logger;
}

export type ResumeMode = "live" | "replay" | "snapshot";

export type CatchUp = ReturnType<typeof createCatchUp>;

/** Each reading may show that more is needed: first what is missing, then the beginning of its turns. */
const readTries = 4;
/** A viewer that cannot be caught up because the broker does not answer is sent away after this many tries, a second apart. */
const maxFailures = 15;

type Ready = Extract<CatchUpPlan, { kind: "steps" }>;

/** Brings lagging viewers to the present, from the ring when it can and from the broker when it must. */
export function createCatchUp({ outbox, history, transcripts, counters, log }: CatchUpDeps) {
  /** Viewers whose reading failed; they are tried again by `sweep`. */
  const failed = new Set<HubViewer>();

  const canGoOn = ({ state, source, outlet }: HubViewer): boolean =>
    state === "lagging" && source.isLive() && outbox.isWritable(outlet);

  const greet = (viewer: HubViewer, mode: ResumeMode, seq: number): void => {
    if (!viewer.isGreeted) return;
    viewer.isGreeted = false;
    counters.resumes[mode]++;
    outbox.sendFrame(viewer.outlet, {
      type: "subscribed",
      conversation_id: viewer.source.conversation,
      mode,
      seq: Math.max(0, viewer.source.offset + seq),
    });
  };

  /** Returns whether the socket takes more. */
  const sendStep = ({ outlet, source }: HubViewer, step: CatchUpStep): boolean => {
    if (step.kind === "event") return outbox.sendEvent(outlet, step.event);
    counters.snapshots++;
    const place = { conversation: source.conversation, seq: source.offset + step.seq };
    return outbox.sendFrame(outlet, turnSnapshot(place, step.turn));
  };

  const give = (viewer: HubViewer, { mode, steps }: Ready): void => {
    outbox.cork(viewer.outlet, () => {
      greet(viewer, mode, viewer.cursor);
      viewer.state = "live";
      for (const step of steps) {
        viewer.cursor = step.seq;
        if (sendStep(viewer, step)) continue;
        // The rest when it has drained. If this was the last one, there will be nothing left to send then.
        viewer.state = viewer.outlet.ws === undefined ? "gone" : "lagging";
        return;
      }
    });
    // What came while the plan was made from an older reading.
    if ((viewer.source.ring.events.at(-1)?.seq ?? 0) > viewer.cursor) outbox.mark(viewer.source);
  };

  const giveConversation = async (viewer: HubViewer): Promise<void> => {
    const { source: hub } = viewer;
    await history.root(hub);
    let records: Awaited<ReturnType<typeof transcripts.tail>>["records"] = [];
    for (let tries = 0, floor = Number.NaN; tries < readTries && hub.ring.floor !== floor; tries++) {
      // What leaves the ring while the transcript is read would be in neither.
      ({ floor } = hub.ring);
      ({ records } = await transcripts.tail(hub.conversation, { limit: deliveryLimits.snapshotMessages }));
    }
    if (!canGoOn(viewer)) return;
    const { last } = hub;
    const frame = conversationSnapshot({ conversation: hub.conversation, seq: hub.offset + last }, hub.ring, records);
    outbox.cork(viewer.outlet, () => {
      greet(viewer, frame === undefined ? "live" : "snapshot", frame === undefined ? last : last - 1);
      viewer.cursor = last;
      viewer.state = "live";
      if (frame === undefined) return;
      counters.snapshots++;
      if (!outbox.sendFrame(viewer.outlet, frame)) viewer.state = viewer.outlet.ws === undefined ? "gone" : "lagging";
    });
  };

  const read = async (viewer: HubViewer): Promise<void> => {
    const { source: hub } = viewer;
    let known = undefined;
    for (let tries = 0; tries < readTries && canGoOn(viewer); tries++) {
      if (viewer.cursor === noCursor) return giveConversation(viewer);
      const plan: CatchUpPlan = planCatchUp(known ?? hub.ring, viewer.cursor);
      if (plan.kind === "steps") return give(viewer, plan);
      if (plan.kind === "below floor") {
        if (await history.isQuietSince(hub, viewer.cursor)) continue;
        known = await history.from(hub, viewer.cursor + 1);
      } else {
        const start = await history.startOf(hub, plan.turn);
        if (start === undefined) viewer.cursor = noCursor;
        else known = await history.from(hub, Math.min(start, viewer.cursor + 1));
      }
    }
  };

  const readFor = async (viewer: HubViewer): Promise<void> => {
    viewer.isReading = true;
    await read(viewer).catch((err: unknown) => {
      log.warn({ err, conversation: viewer.source.conversation }, "a viewer could not be caught up yet");
    });
    viewer.isReading = false;
    viewer.failures = canGoOn(viewer) ? viewer.failures + 1 : 0;
    if (viewer.failures > maxFailures) outbox.close(viewer.outlet, closeCodes.overloaded, "try again");
    else if (viewer.failures > 0) failed.add(viewer);
  };

  /** Brings the viewer to the present if it lags and can be served now. */
  const catchUp = (viewer: HubViewer): void => {
    if (viewer.isReading || !canGoOn(viewer)) return;
    const plan = viewer.cursor === noCursor ? undefined : planCatchUp(viewer.source.ring, viewer.cursor);
    if (plan?.kind === "steps") give(viewer, plan);
    else void readFor(viewer);
  };

  return {
    catchUp,

    /** Tries again what failed. */
    sweep(): void {
      const again = [...failed];
      failed.clear();
      for (const viewer of again) catchUp(viewer);
    },
  };
}
