import { setMaxListeners } from "node:events";
import { sleep } from "@parley/runtime";
import { isTerminal } from "@parley/protocol";
import { hasEnded, type Audience, type Conversation } from "./audience.ts";
import { describeFault, type Fault } from "./faults/fault.ts";
import { inject } from "./faults/inject.ts";
import type { ConversationHistory, Violation } from "./history.ts";
import { checkViewers } from "./invariants/check.ts";
import { putRightWithinMs } from "./invariants/passed-over.ts";
import type { Plan } from "./plan/plan.ts";
import type { QueueWatch } from "./queue-watch.ts";
import { readAskedCalls, readConversation } from "./read-history.ts";
import type { Expected } from "./scenario.ts";
import type { Timeline } from "./timeline.ts";
import type { World } from "./world/world.ts";

/** After the last message was asked and the last fault is over, all turns have ended within this. */
const endWithinMs = 60_000;
/** And all devices know. */
const catchUpWithinMs = 15_000;

/** Breaks what the plan says, when it says so, and resolves when all is whole again. Returns what did not come back. */
export async function playFaults(
  world: World,
  plan: Plan,
  timeline: Timeline,
  signal: AbortSignal,
): Promise<Violation[]> {
  const broken: Violation[] = [];
  const inTurn = createRollouts();
  const play = plan.faults.map(async (fault) => {
    await timeline.at(fault.atMs, () =>
      inTurn(fault, async () => {
        const what = describeFault(fault);
        timeline.note(what);
        try {
          await inject(world, fault, signal);
          timeline.note(`over: ${what}`);
        } catch (error) {
          timeline.note(`not over: ${what}: ${String(error)}`);
          broken.push({ promise: "P7", what: `${what}, and it did not come back: ${String(error)}` });
        }
      }),
    );
  });
  await Promise.all(play);
  return broken;
}

/**
 * A rolling update stops the next process when the one before is ready again, however long that takes on a busy machine; and of a cluster the next
 * leader is killed when the one before is back.
 */
function createRollouts() {
  const running = new Map<string, Promise<void>>();
  return (fault: Fault, act: () => Promise<void>): Promise<void> => {
    if (fault.kind !== "restart" && fault.kind !== "kill leader") return act();
    const who = fault.kind === "restart" ? fault.member : "cluster";
    const done = (running.get(who) ?? Promise.resolve()).then(act);
    running.set(who, done);
    return done;
  };
}

/** Waits until everything that was planned has ended and every device has seen it. What is missing then, the checks say. */
export async function untilOver(world: World, audience: Audience, signal: AbortSignal): Promise<void> {
  await withLimit(endWithinMs, signal, (late) => Promise.race([audience.finished, sleep(endWithinMs, late)]));
  await withLimit(catchUpWithinMs, signal, (late) =>
    Promise.all(audience.conversations.map((conversation) => untilSeen(world, conversation, late))),
  );
}

/**
 * Gives up waiting after that time. A signal that `AbortSignal.any` makes of `AbortSignal.timeout` would not do: it does not keep the
 * time-out alive, which is collected before it comes.
 */
async function withLimit<T>(ms: number, signal: AbortSignal, wait: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  setMaxListeners(0, late.signal);
  const giveUp = (): void => late.abort();
  const timer = setTimeout(giveUp, ms);
  signal.addEventListener("abort", giveUp);
  try {
    return await wait(late.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
    giveUp();
  }
}

async function untilSeen(world: World, { plan, devices }: Conversation, signal: AbortSignal): Promise<void> {
  const { events } = await readConversation(world, plan.id);
  const last = events.findLast(({ event }) => isTerminal(event.type));
  if (last === undefined) return;
  await Promise.allSettled(devices.map((device) => device.until((view) => hasEnded(view, last.turn), signal)));
}

/** How often it is looked whether all is right. */
const lookEveryMs = 250;

/**
 * Waits until nobody lacks an event that another one has overtaken, for as long as one may be lacking: the last copy may come behind the last end, and
 * a run that ended before would say that it never came.
 */
export async function untilPutRight(
  conversations: readonly ConversationHistory[],
  expected: Expected,
  signal: AbortSignal,
): Promise<void> {
  const endsAt = performance.now() + putRightWithinMs(expected.copiesLateMs);
  while (performance.now() < endsAt && !signal.aborted && checkViewers(conversations, expected).length > 0) {
    await sleep(lookEveryMs, signal);
  }
}

/** All that is known of the conversations now. */
export async function readConversations(
  world: World,
  audience: Audience,
  watch: QueueWatch,
): Promise<ConversationHistory[]> {
  return Promise.all(
    audience.conversations.map(async ({ plan, devices, answers, strangersTries, watched }) => {
      // Before what is stored is read: whoever still waits for an end waits no longer.
      const seen = await watched();
      const stored = await readConversation(world, plan.id);
      return {
        plan,
        ...stored,
        askedCalls: await readAskedCalls(world, { plan, answers, records: stored.records }),
        recordings: devices.map(({ recording }) => recording),
        views: devices.map(({ view }) => view),
        answers,
        strangersTries,
        watched: seen,
        queued: watch.places,
      };
    }),
  );
}
