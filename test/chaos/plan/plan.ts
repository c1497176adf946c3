import type { OnBusy } from "@parley/protocol";
import { ordinaryDecisions, planDecisions, type DecisionPlan, type DecisionWorkload } from "./decisions.ts";
import { drawPrompt, type Prompt, type PromptWeights } from "./prompts.ts";
import { createRandom, type Random, type Range, type Weights } from "./random.ts";
import type { TimedFault } from "../faults/fault.ts";

/** When a turn is cancelled: right after it was accepted, at its first text, when its first tool has been started, or when it waits for a person. */
export type CancelMoment = "accepted" | "first text" | "tool started" | "asked";

export interface CancelPlan {
  readonly moment: CancelMoment;
  readonly delayMs: number;
  /** The device that does it: its place in `devices`. */
  readonly device: number;
}

export interface TurnPlan {
  /** The client's own id of the message. */
  readonly id: string;
  readonly atMs: number;
  readonly prompt: Prompt;
  readonly onBusy: OnBusy;
  readonly cancel?: CancelPlan;
  /** On each of its calls that wait for a person. */
  readonly decision?: DecisionPlan;
  /** The same message once more, by these devices at these times. */
  readonly repeats: readonly { readonly device: number; readonly atMs: number }[];
}

export interface DevicePlan {
  readonly name: string;
  /** Raw sockets, or the client library through a load balancer. */
  readonly kind: "raw" | "library";
  /** The edge it begins with; it changes with every connection. */
  readonly edge: number;
  readonly joinMs: number;
  /** When its connection is broken. */
  readonly cuts: readonly number[];
  /** When it stops reading, and for how long. */
  readonly pauses: readonly { readonly atMs: number; readonly forMs: number }[];
  /** When it unsubscribes, and subscribes again a moment later. */
  readonly leaves: readonly number[];
}

export interface ConversationPlan {
  readonly id: string;
  readonly user: string;
  /** The first one asks. */
  readonly devices: readonly DevicePlan[];
  readonly turns: readonly TurnPlan[];
}

export interface Plan {
  readonly seed: string;
  readonly spanMs: number;
  readonly conversations: readonly ConversationPlan[];
  readonly faults: readonly TimedFault[];
}

export interface Workload {
  readonly spanMs: number;
  readonly turnsPerConversation: Range;
  readonly prompts: PromptWeights;
  /** Devices of the same user that look on, besides the one that asks. */
  readonly onlookers: Range;
  /** How many of those join only after the first turns. */
  readonly late: number;
  /** How long before and after a turn was asked those join; undefined: at any time. */
  readonly joinAround?: Range;
  readonly cuts: Range;
  readonly pauses: Range;
  readonly pauseForMs: Range;
  readonly leaves: Range;
  readonly cancels: number;
  readonly moments: Weights<CancelMoment>;
  readonly decisions: DecisionWorkload;
  readonly repeats: number;
  readonly onBusy: Weights<OnBusy>;
  /** How many conversations ask all their turns within a moment, so that they queue. */
  readonly bursts: number;
  /** How many devices use the client library. */
  readonly library: number;
}

export const ordinaryWorkload: Workload = {
  spanMs: 10_000,
  turnsPerConversation: [3, 6],
  prompts: { short: 5, long: 2, "slow start": 1, "read tool": 2, "write tool": 1, "two tools": 1 },
  onlookers: [0, 2],
  late: 0.3,
  cuts: [0, 1],
  pauses: [0, 0],
  pauseForMs: [2_000, 6_000],
  leaves: [0, 0],
  cancels: 0,
  moments: { accepted: 1, "first text": 2, "tool started": 1 },
  decisions: ordinaryDecisions,
  repeats: 0.05,
  onBusy: { enqueue: 1 },
  bursts: 0.1,
  library: 0.25,
};

export interface PlanRequest {
  readonly scenario: string;
  readonly seed: number;
  readonly turns: number;
  readonly workload: Workload;
  readonly faults: (random: Random, spanMs: number) => readonly TimedFault[];
}

/** Who asks what when, who looks on, and what breaks when: a pure function of the request. */
export function planOf({ scenario, seed, turns, workload, faults }: PlanRequest): Plan {
  const random = createRandom(`${seed}/${scenario}`);
  const conversations: ConversationPlan[] = [];
  for (let left = turns; left > 0;) {
    const index = conversations.length;
    const count = Math.min(left, random.within(workload.turnsPerConversation));
    conversations.push(
      planConversation(random.fork(`conversation ${index}`), `${scenario}-${seed}-${index}`, count, workload),
    );
    left -= count;
  }
  const timed = faults(random.fork("faults"), workload.spanMs);
  return {
    seed: `${seed}/${scenario}`,
    spanMs: workload.spanMs,
    conversations,
    faults: timed.toSorted((one, other) => one.atMs - other.atMs),
  };
}

function planConversation(random: Random, id: string, turns: number, workload: Workload): ConversationPlan {
  const times = askTimes(random.fork("times"), turns, workload);
  const devices = planDevices(random.fork("devices"), id, workload, times);
  return {
    id,
    user: `user-${id}`,
    devices,
    turns: times.map((atMs, index) =>
      planTurn(random.fork(`turn ${index}`), { id: `${id}-m${index}`, atMs, devices: devices.length, workload }),
    ),
  };
}

function askTimes(random: Random, turns: number, { bursts, spanMs }: Workload): number[] {
  const isBurst = random.chance(bursts);
  const startMs = random.within([0, Math.round(spanMs * 0.8)]);
  const range: Range = isBurst ? [startMs, startMs + 150] : [0, spanMs];
  return Array.from({ length: turns }, () => random.within(range)).toSorted((one, other) => one - other);
}

function planDevices(random: Random, conversation: string, workload: Workload, asked: readonly number[]): DevicePlan[] {
  const { spanMs, joinAround } = workload;
  const lateMs = (): number =>
    joinAround === undefined
      ? random.within([1_000, spanMs])
      : Math.max(0, random.pick(asked) + random.within(joinAround));
  const times = (count: number, untilMs = spanMs + 1_500): number[] =>
    Array.from({ length: count }, () => random.within([500, untilMs])).toSorted((one, other) => one - other);
  return Array.from({ length: 1 + random.within(workload.onlookers) }, (_, index) => {
    const isLate = index > 0 && random.chance(workload.late);
    const joinMs = isLate ? lateMs() : 0;
    return {
      name: `${conversation}/${index === 0 ? "asker" : `onlooker${index}`}`,
      kind: random.chance(workload.library) ? "library" : "raw",
      edge: random.within([0, 1]),
      joinMs,
      cuts: times(random.within(workload.cuts)),
      pauses: times(random.within(workload.pauses), spanMs / 4).map((atMs) => ({
        atMs,
        forMs: random.within(workload.pauseForMs),
      })),
      leaves: index === 0 ? [] : spaced(times(random.within(workload.leaves)), joinMs + backAfterMs),
    };
  });
}

/** Whoever leaves is away for less than this. */
export const backAfterMs = 700;

/** Those that are late enough, and far enough after the one before. */
function spaced(times: readonly number[], fromMs: number): number[] {
  const kept: number[] = [];
  for (const atMs of times) if (atMs >= (kept.at(-1) ?? fromMs - backAfterMs) + backAfterMs) kept.push(atMs);
  return kept;
}

interface TurnSpec {
  readonly id: string;
  readonly atMs: number;
  readonly devices: number;
  readonly workload: Workload;
}

function planTurn(random: Random, { id, atMs, devices, workload }: TurnSpec): TurnPlan {
  const prompt = drawPrompt(random.fork("prompt"), workload.prompts, id);
  const isRepeated = random.chance(workload.repeats);
  const repeats = isRepeated
    ? Array.from({ length: random.within([1, 2]) }, () => ({
        device: random.within([0, devices - 1]),
        atMs: atMs + random.within([0, 1_500]),
      }))
    : [];
  const onBusy = random.weighted(workload.onBusy);
  // From a source of its own: the plans of other scenarios stay what they were.
  const decision = prompt.asksPeople ? planDecisions(random.fork("decision"), workload.decisions, devices) : undefined;
  const turn = { id, atMs, prompt, onBusy, repeats, ...(decision && { decision }) };
  if (!random.chance(workload.cancels)) return turn;
  const cancel: CancelPlan = {
    moment: random.weighted(workload.moments),
    delayMs: random.chance(0.5) ? 0 : random.within([0, 700]),
    device: random.within([0, devices - 1]),
  };
  return { ...turn, cancel };
}
