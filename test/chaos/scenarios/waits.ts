import { every } from "../faults/fault.ts";
import { ordinaryDecisions } from "../plan/decisions.ts";
import { defineScenario } from "./ordinary.ts";

const asking = { "asked change": 4, "two asked changes": 2, short: 3, "write tool": 1 };
/** So that what nobody decides ends within the run. */
const soon = { env: { tool: { APPROVAL_TTL_MS: "6000" } } };

export const waits = defineScenario({
  name: "waits",
  about:
    "Turns wait for people, who agree, deny, contradict each other, stop the turn or say nothing, on other devices and other edges.",
  promises: ["P1", "P2", "P4", "P6", "P11"],
  shape: soon,
  workload: {
    prompts: asking,
    onlookers: [1, 2],
    cancels: 0.15,
    moments: { asked: 3, accepted: 1 },
    onBusy: { enqueue: 3, interrupt: 1 },
    decisions: { ...ordinaryDecisions, kinds: { approve: 5, deny: 2, contradict: 2, nobody: 1 }, strangers: 0.3 },
  },
  proof: { decisions: 10, cancelled: 1, reconnects: 1 },
});

export const waitsUnderKills = defineScenario({
  name: "waits-under-kills",
  about: "Agent workers, tool workers and edges are killed while turns wait for people, and while these decide.",
  promises: ["P1", "P2", "P5", "P11"],
  shape: { env: { tool: { APPROVAL_TTL_MS: "30000" } } },
  workload: { prompts: asking, onlookers: [1, 2], cancels: 0.05, moments: { asked: 1 }, spanMs: 14_000 },
  faults: (random, spanMs) => [
    ...every(random, spanMs, [1_500, 2_500], (index) => ({
      kind: "kill",
      member: "agent",
      index: index % 3,
      downMs: 400,
    })),
    ...every(random, spanMs, [2_000, 3_500], (index) => ({
      kind: "kill",
      member: "tool",
      index: index % 2,
      downMs: 400,
    })),
    ...every(random, spanMs, [2_500, 4_500], (index) => ({
      kind: "kill",
      member: "edge",
      index: index % 2,
      downMs: 400,
    })),
  ],
  expected: { cancelWithinMs: 15_000, goesOnWithinMs: 15_000 },
  proof: { decisions: 5, takeovers: 1 },
});

export const waitsBrokerKilled = defineScenario({
  name: "waits-broker-killed",
  about: "NATS is killed again and again while turns wait for people, and while these decide.",
  promises: ["P1", "P2", "P5", "P11"],
  shape: { env: { tool: { APPROVAL_TTL_MS: "30000" } } },
  workload: { prompts: asking, onlookers: [1, 1], spanMs: 14_000 },
  faults: (random, spanMs) =>
    every(random, spanMs, [3_000, 4_500], () => ({
      kind: "kill broker",
      broker: "nats",
      downMs: random.within([200, 900]),
    })),
  expected: { cancelWithinMs: 20_000, goesOnWithinMs: 20_000, freshSnapshots: true },
  proof: { decisions: 5 },
});

export const waitsForgotten = defineScenario({
  name: "waits-forgotten",
  about:
    "All events are forgotten while turns wait, so that viewers and workers have the facts alone; workers are killed as well.",
  promises: ["P1", "P5", "P11"],
  shape: { env: { tool: { APPROVAL_TTL_MS: "30000" } } },
  workload: {
    prompts: { "asked change": 4, "two asked changes": 3, short: 1 },
    // They wait one after the other.
    turnsPerConversation: [1, 3],
    onlookers: [2, 3],
    late: 0.6,
    spanMs: 14_000,
    // Longer than events are kept here.
    decisions: { ...ordinaryDecisions, afterMs: [4_000, 7_000] },
  },
  faults: (random, spanMs) => [
    ...every(random, spanMs + 4_000, [1_500, 3_000], () => ({ kind: "forget events", olderThanMs: 4_000 })),
    ...every(random, spanMs, [4_000, 6_000], (index) => ({
      kind: "kill",
      member: "agent",
      index: index % 3,
      downMs: 400,
    })),
    ...every(random, spanMs, [5_000, 8_000], (index) => ({
      kind: "kill",
      member: "edge",
      index: index % 2,
      downMs: 400,
    })),
  ],
  expected: { logLost: true, freshSnapshots: true, cancelWithinMs: 20_000, goesOnWithinMs: 15_000 },
  proof: { toolRuns: 5 },
});

export const waitsExpire = defineScenario({
  name: "waits-expire",
  about: "Nobody decides, or too late, while workers are killed: what was asked for is not done, and the turns end.",
  promises: ["P1", "P11"],
  shape: { env: { tool: { APPROVAL_TTL_MS: "3000" } } },
  workload: {
    prompts: { "asked change": 3, short: 2 },
    spanMs: 10_000,
    decisions: { kinds: { nobody: 3, approve: 2, deny: 1 }, afterMs: [6_000, 10_000], strangers: 0 },
  },
  faults: (random, spanMs) =>
    every(random, spanMs, [2_000, 3_000], (index) => ({
      kind: "kill",
      member: "agent",
      index: index % 3,
      downMs: 400,
    })),
  expected: { cancelWithinMs: 15_000, goesOnWithinMs: 15_000 },
  proof: { toolRuns: 3 },
});
