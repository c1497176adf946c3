import { setMaxListeners } from "node:events";
import { openAudience, type Audience } from "./audience.ts";
import { readBase, readMemory } from "./base-figures.ts";
import type { History, Violation } from "./history.ts";
import { checkHistory } from "./invariants/check.ts";
import { planOf, type Plan } from "./plan/plan.ts";
import { createRandom } from "./plan/random.ts";
import { watchQueue } from "./queue-watch.ts";
import { readExecutions, readModelRequests } from "./read-history.ts";
import type { RoomHistory } from "./rooms/room-history.ts";
import { openRooms } from "./rooms/rooms.ts";
import type { Scenario, Tally } from "./scenario.ts";
import { playFaults, readConversations, untilOver, untilPutRight } from "./stage.ts";
import { takeTally } from "./tally.ts";
import { startTimeline, type Timeline, type TimelineEntry } from "./timeline.ts";
import { startWorld, type World } from "./world/world.ts";

export interface RunOptions {
  readonly seed: number;
  readonly turns: number;
  /** Called often, with what a progress line shows. */
  readonly onProgress: (progress: RunProgress) => void;
  readonly signal: AbortSignal;
}

export interface RunProgress {
  readonly scenario: string;
  readonly elapsedMs: number;
  readonly ended: number;
  readonly turns: number;
  readonly faults: number;
}

export interface RunResult {
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly history: History;
  readonly rooms: readonly RoomHistory[];
  readonly timeline: readonly TimelineEntry[];
  /** The last lines of each process. */
  readonly logs: Readonly<Record<string, readonly string[]>>;
  readonly tally: Tally;
  readonly violations: readonly Violation[];
  /** What the scenario was to do and did not; its result is then worth little. */
  readonly doubt: string | undefined;
  readonly seconds: number;
}

const progressEveryMs = 200;
const shownLogLines = 80;

/** Runs one scenario in a world of its own, and checks it. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<RunResult> {
  const { name, workload, faults, shape, expected } = scenario;
  const startedAt = performance.now();
  // Every device and every fault listens to it.
  setMaxListeners(0, options.signal);
  const turns = Math.min(options.turns, scenario.mostTurns ?? Infinity);
  const plan = planOf({ scenario: name, seed: options.seed, turns, workload, faults });
  await using world = await startWorld(shape, createRandom(`${options.seed}/${name}/world`));
  const memory = await readMemory(world);
  const timeline = startTimeline(options.signal);
  const watch = watchQueue(world.bus);
  const audience = openAudience(plan, {
    ...{ world, timeline, signal: options.signal },
    throughDialects: scenario.throughDialects === true,
  });
  const rooms = openRooms(plan.seed, scenario.rooms, { world, timeline, signal: options.signal });
  const stopReporting = report(scenario, plan, audience, timeline, options);
  try {
    const broken = await playFaults(world, plan, timeline, options.signal);
    await untilOver(world, audience, options.signal);
    await rooms.over();
    const conversations = await readConversations(world, audience, watch);
    await untilPutRight(conversations, expected, options.signal);
    const tally = { ...(await takeTally(world, audience, watch, conversations)), faults: faultsIn(timeline) };
    const ofRooms = await rooms.check();
    audience.close();
    rooms.close();
    const history: History = {
      expected,
      conversations,
      executions: await readExecutions(world),
      figures: await readBase(world, memory, { hubsToo: scenario.waitsForHubs === true }),
      modelRequests: await readModelRequests(world),
    };
    return {
      scenario,
      plan,
      history,
      rooms: ofRooms.histories,
      timeline: timeline.entries,
      logs: logsOf(world),
      tally,
      violations: [...broken, ...checkHistory(history), ...ofRooms.violations],
      doubt: scenario.proof(tally) ?? rooms.doubt(),
      seconds: (performance.now() - startedAt) / 1_000,
    };
  } finally {
    stopReporting();
    audience.close();
    rooms.close();
    await watch.stop();
  }
}

/** Every fault leaves one line when it begins and one when it is over. */
function faultsIn({ entries }: Timeline): number {
  return entries.filter(({ what }) => !what.startsWith("over: ") && !what.startsWith("not over: ")).length;
}

function report(
  scenario: Scenario,
  plan: Plan,
  audience: Audience,
  timeline: Timeline,
  { onProgress }: RunOptions,
): () => void {
  const turns = plan.conversations.reduce((sum, conversation) => sum + conversation.turns.length, 0);
  const timer = setInterval(() => {
    const [elapsedMs, ended, faults] = [timeline.now(), audience.turnsEnded(), faultsIn(timeline)];
    onProgress({ scenario: scenario.name, elapsedMs, ended, turns, faults });
  }, progressEveryMs);
  return () => clearInterval(timer);
}

function logsOf({ members }: World): Record<string, readonly string[]> {
  const all = [...members.edge, ...members.agent, ...members.tool];
  return Object.fromEntries(
    all.map(({ kind, index, service }) => [
      `${kind} ${index}`,
      service.output().trimEnd().split("\n").slice(-shownLogLines),
    ]),
  );
}
