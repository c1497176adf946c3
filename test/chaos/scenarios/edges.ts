import { every } from "../faults/fault.ts";
import { defineScenario } from "./ordinary.ts";

export const edgesKilled = defineScenario({
  name: "edges-killed",
  about:
    "Edges are killed under their viewers, also between a message and its acceptance; clients resume on the other one.",
  promises: ["P1", "P2", "P5"],
  workload: { repeats: 0.2, onlookers: [1, 3] },
  faults: (random, spanMs) =>
    every(random, spanMs, [1_500, 2_500], (index) => ({
      kind: "kill",
      member: "edge",
      index,
      downMs: random.within([200, 1_000]),
    })),
  expected: { cancelWithinMs: 5_000 },
  proof: { reconnects: 5 },
});

export const edgesRestarted = defineScenario({
  name: "edges-restarted",
  about: "A rolling update of the edges, several times: clients are told to go, and come back.",
  promises: ["P1", "P2", "P5"],
  workload: { onlookers: [1, 3], cancels: 0.1 },
  faults: (random, spanMs) =>
    every(random, spanMs, [2_000, 3_000], (index) => ({ kind: "restart", member: "edge", index })),
  expected: { cancelWithinMs: 10_000 },
  proof: { reconnects: 5 },
});

export const edgePartitioned = defineScenario({
  name: "edge-partitioned",
  about: "One edge loses its connection to NATS, silently and with resets, while its viewers stay connected to it.",
  promises: ["P1", "P2"],
  shape: { proxied: ["edge"] },
  workload: { onlookers: [1, 3], spanMs: 14_000, cancels: 0.1 },
  faults: (random) => [
    { kind: "stall", member: "edge", index: 0, forMs: 8_000, atMs: random.within([1_000, 2_000]) },
    { kind: "sever", member: "edge", index: 1, forMs: 700, atMs: random.within([3_000, 4_000]) },
    { kind: "sever", member: "edge", index: 1, forMs: 6_000, atMs: random.within([8_000, 9_000]) },
  ],
  expected: { cancelWithinMs: 20_000 },
});
