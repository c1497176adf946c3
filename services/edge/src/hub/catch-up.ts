import { RangeTooLargeError } from "@parley/bus";
import { closeCodes, type TurnId } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { noCursor } from "../cursor.ts";
import { turnUnderWay, type CatchUpPlan, type Unready } from "./catch-up-plan.ts";
import type { History } from "./history.ts";
import { beginAnew, type HubViewer } from "./hub.ts";
import { canTake, sendSteps, type RecoveryDeps } from "./recovery.ts";
import type { Known } from "./ring.ts";
import { createPlanner } from "./shared-plans.ts";
import type { WholeConversations } from "./whole-conversation.ts";

export interface CatchUpDeps extends RecoveryDeps {
  readonly history: History;
  readonly whole: Pick<WholeConversations, "give">;
  readonly log: Logger;
}

export type CatchUp = ReturnType<typeof createCatchUp>;

/** Each reading may show that more is needed: what is missing, the beginning of its turns, and, if a snapshot is to be certain, these once more. */
const readTries = 6;
/** A viewer that cannot be caught up because the broker does not answer is sent away after this many tries, a second apart. */
const maxFailures = 15;

/** Brings lagging viewers to the present, from the ring when it can and from the broker when it must. */
export function createCatchUp(deps: CatchUpDeps) {
  const { outbox, log } = deps;
  const plan = createPlanner();
  const planFor: PlanFor = ({ begins, cursor, mayLackOf, source }, known) => {
    const place = { cursor, sure: source.feed.intake.sure };
    if (mayLackOf !== undefined) return plan(known, { ...place, turn: mayLackOf });
    const planned = plan(known, place);
    const turn = begins && planned.kind === "steps" ? turnUnderWay(known, cursor) : undefined;
    return turn === undefined ? planned : { kind: "turn under way", turn };
  };
  /** Viewers whose reading failed; they are tried again by `sweep`. */
  let failed: HubViewer[] = [];

  const readFor = async (viewer: HubViewer): Promise<void> => {
    viewer.isReading = true;
    let hasFailed = false;
    await read(deps, planFor, viewer).catch((err: unknown) => {
      hasFailed = true;
      log.warn({ err, conversation: viewer.source.conversation }, "a viewer could not be caught up yet");
    });
    viewer.isReading = false;
    viewer.failures = canTake(outbox, viewer) ? viewer.failures + 1 : 0;
    if (viewer.failures > maxFailures) outbox.close(viewer.outlet, closeCodes.overloaded, "try again");
    // What it waited for may have come while it was held: that is worth one more try at once.
    else if (viewer.failures === 1 && !hasFailed) catchUp(viewer);
    else if (viewer.failures > 0) failed.push(viewer);
  };

  const bring = async (viewer: HubViewer): Promise<void> => {
    if (viewer.isReading) return;
    // Whatever it waits for (its socket, its hub) brings it again, also if a reading for it has failed before.
    if (!canTake(outbox, viewer)) return void (viewer.failures = 0);
    const planned = viewer.cursor === noCursor ? undefined : planFor(viewer, viewer.source.ring);
    if (planned?.kind !== "steps") return readFor(viewer);
    sendSteps(deps, viewer, planned);
    // Else nobody would try again when its hub makes it lag the next time.
    viewer.failures = 0;
  };
  const catchUp = (viewer: HubViewer): void => void bring(viewer);

  return {
    /** Brings the viewer to the present if it lags and can be served now. */
    catchUp,

    /** The same, to be waited for. Never rejects. */
    bring,

    /** Tries again what failed. */
    sweep(): void {
      const again = failed;
      failed = [];
      for (const viewer of again) catchUp(viewer);
    },
  };
}

type PlanFor = (viewer: HubViewer, known: Known) => CatchUpPlan;

async function read(deps: CatchUpDeps, planFor: PlanFor, viewer: HubViewer): Promise<void> {
  let known: Known | undefined;
  for (let tries = 0; tries < readTries && canTake(deps.outbox, viewer); tries++) {
    if (viewer.cursor === noCursor) return deps.whole.give(viewer);
    const plan = planFor(viewer, known ?? viewer.source.ring);
    if (plan.kind === "steps") return sendSteps(deps, viewer, plan);
    known = await readMore(deps.history, viewer, plan).catch((error: unknown) => {
      if (!(error instanceof RangeTooLargeError)) throw error;
      beginAnew(viewer);
      return undefined;
    });
  }
}

/** What the plan lacks. Undefined: the hub itself can say more now. */
async function readMore(history: History, viewer: HubViewer, plan: Unready): Promise<Known | undefined> {
  const { source: hub, cursor } = viewer;
  if (plan.kind === "below floor") {
    return (await history.isQuietSince(hub, cursor)) ? undefined : history.from(hub, cursor + 1);
  }
  if (plan.kind === "unsure" || plan.kind === "no room") {
    // Else the hub is being read as a whole; once it is, all its viewers are brought to the present.
    if (plan.kind === "unsure" && !(await history.confirm(hub))) return undefined;
    if (viewer.cursor === cursor && (plan.kind === "no room" || hub.feed.intake.sure <= cursor)) beginAnew(viewer);
    return undefined;
  }
  return readTurn(history, viewer, plan);
}

async function readTurn(
  history: History,
  viewer: HubViewer,
  plan: Extract<Unready, { readonly turn: TurnId }>,
): Promise<Known | undefined> {
  const { source: hub, cursor } = viewer;
  if (plan.kind === "unknown turn" && plan.isTorn) {
    beginAnew(viewer);
    return undefined;
  }
  const start = await history.startOf(hub, plan.turn);
  // The turn's first event is one of those that the ring should have: it was overtaken, and comes late.
  if (start !== undefined && start > hub.ring.floor) await history.confirm(hub);
  // It must begin anew: see `takeLate` of the hub.
  if (viewer.cursor !== cursor) return undefined;
  if (start === undefined) {
    beginAnew(viewer);
    return undefined;
  }
  if (plan.kind === "unknown turn") return history.from(hub, Math.min(start, cursor + 1));
  viewer.cursor = Math.min(cursor, start - 1);
  viewer.fromSeq = Math.min(viewer.fromSeq, viewer.cursor);
  return undefined;
}
