import { every, type Led } from "../faults/fault.ts";
import { ordinaryDecisions } from "../plan/decisions.ts";
import { defineScenario } from "./ordinary.ts";

const asking = { "asked change": 4, "two asked changes": 2, short: 3, "write tool": 1 };
/** Longer than any of these faults. */
const patient = { APPROVAL_TTL_MS: "40000" };

const inThisOrder: readonly Led[] = ["decisions", "deliveries", "facts", "turns", "events"];

export const waitsServersKilled = defineScenario({
  name: "waits-servers-killed",
  about:
    "Of three NATS servers, the one that leads the decisions, then the deliveries, facts, turns and events is killed while people decide on turns that wait.",
  promises: ["P1", "P2", "P5", "P11"],
  shape: { natsServers: 3, env: { tool: patient } },
  workload: {
    prompts: asking,
    onlookers: [1, 1],
    cancels: 0.1,
    moments: { asked: 2, accepted: 1 },
    spanMs: 26_000,
    decisions: { ...ordinaryDecisions, afterMs: [0, 5_000] },
  },
  faults: (random) =>
    inThisOrder.map((of, step) => ({
      kind: "kill leader",
      of,
      downMs: random.within([500, 2_000]),
      atMs: 2_000 + step * 5_000 + random.within([0, 1_000]),
    })),
  expected: { cancelWithinMs: 25_000, goesOnWithinMs: 25_000 },
  proof: { decisions: 10, cancelled: 1 },
});

export const waitsWorkersPartitioned = defineScenario({
  name: "waits-workers-partitioned",
  about:
    "Agent workers and tool workers are cut off from NATS, silently and with resets, while turns begin to wait, are decided, stopped and go on.",
  promises: ["P1", "P2", "P5", "P6", "P11"],
  shape: { proxied: ["agent", "tool"], env: { tool: patient } },
  workload: { prompts: asking, onlookers: [1, 2], cancels: 0.15, moments: { asked: 2, accepted: 1 }, spanMs: 18_000 },
  faults: (random, spanMs) => [
    ...every(random, spanMs, [1_500, 2_500], (index) => ({
      // Of the three agent workers one always hears, and the same one is not cut off twice in a row.
      kind: random.chance(0.5) ? "stall" : "sever",
      member: "agent",
      index: index % 3,
      forMs: random.within([700, 6_000]),
    })),
    ...every(random, spanMs, [2_000, 3_500], (index) => ({
      kind: random.chance(0.5) ? "stall" : "sever",
      member: "tool",
      index: index % 2,
      forMs: random.within([500, 4_000]),
    })),
  ],
  expected: { cancelWithinMs: 20_000, goesOnWithinMs: 20_000 },
  proof: { decisions: 10, takeovers: 1, cancelled: 1 },
});

export const waitsEdgesPartitioned = defineScenario({
  name: "waits-edges-partitioned",
  about:
    "Edges are cut off from NATS, silently and with resets, while their viewers are asked, decide and stop turns that wait.",
  promises: ["P1", "P2", "P6", "P11"],
  shape: { proxied: ["edge"], env: { tool: patient } },
  workload: {
    prompts: asking,
    onlookers: [1, 3],
    cancels: 0.15,
    moments: { asked: 2, accepted: 1 },
    spanMs: 18_000,
    decisions: { ...ordinaryDecisions, kinds: { approve: 5, deny: 2, contradict: 2, nobody: 0 }, strangers: 0.2 },
  },
  faults: (random, spanMs) =>
    every(random, spanMs, [2_000, 3_500], (index) => ({
      kind: random.chance(0.5) ? "stall" : "sever",
      member: "edge",
      index: index % 2,
      forMs: random.within([500, 5_000]),
    })),
  expected: { cancelWithinMs: 20_000, goesOnWithinMs: 20_000 },
  proof: { decisions: 10, cancelled: 1, reconnects: 1 },
});
