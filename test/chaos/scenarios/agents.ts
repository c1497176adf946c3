import { every } from "../faults/fault.ts";
import { defineScenario } from "./ordinary.ts";

const agents = 3;
const long = { short: 3, long: 4, "slow start": 1, "read tool": 2, "write tool": 1, "two tools": 1 };

export const agentsKilled = defineScenario({
  name: "agents-killed",
  about: "Agent workers are killed in mid-turn, one after the other, and replaced.",
  promises: ["P1", "P2", "P3", "P5"],
  workload: { prompts: long, spanMs: 12_000 },
  faults: (random, spanMs) =>
    every(random, spanMs, [900, 1_800], () => ({
      kind: "kill",
      member: "agent",
      index: random.within([0, agents - 1]),
      downMs: random.within([200, 900]),
    })),
  expected: { cancelWithinMs: 10_000 },
  proof: { takeovers: 1 },
});

export const agentsFrozen = defineScenario({
  name: "agents-frozen",
  about: "Agent workers stand still for longer than the ack wait, lose their turns, and wake up as zombies.",
  promises: ["P1", "P2", "P3"],
  workload: { prompts: long, spanMs: 12_000, cancels: 0.1 },
  faults: (random, spanMs) =>
    every(random, spanMs, [1_500, 2_500], () => ({
      kind: "freeze",
      member: "agent",
      index: random.within([0, agents - 1]),
      forMs: random.within([2_600, 5_000]),
    })),
  expected: { cancelWithinMs: 10_000 },
  proof: { takeovers: 1 },
});

export const agentsRestarted = defineScenario({
  name: "agents-restarted",
  about: "A rolling update of the agent workers, twice: each is stopped (SIGTERM) and started again.",
  promises: ["P1", "P2", "P3", "P5"],
  workload: { prompts: long, spanMs: 12_000, cancels: 0.1 },
  faults: (random, spanMs) =>
    every(random, spanMs, [1_200, 2_000], (index) => ({ kind: "restart", member: "agent", index: index % agents })),
  expected: { cancelWithinMs: 5_000 },
  proof: { takeovers: 1 },
});

export const workerPartitioned = defineScenario({
  name: "worker-partitioned",
  about:
    "One agent worker loses its connection to NATS for 10 s, first silently, later with resets; people cancel meanwhile.",
  promises: ["P1", "P3", "P6"],
  shape: { proxied: ["agent"] },
  workload: { prompts: { ...long, long: 8 }, spanMs: 16_000, cancels: 0.3 },
  faults: (random) => [
    { kind: "stall", member: "agent", index: 0, forMs: 10_000, atMs: random.within([1_000, 2_000]) },
    // Too short for a takeover: whatever was said meanwhile must still be heard.
    { kind: "sever", member: "agent", index: 1, forMs: 1_000, atMs: random.within([3_000, 4_000]) },
    { kind: "sever", member: "agent", index: 2, forMs: 1_200, atMs: random.within([6_000, 7_000]) },
    { kind: "sever", member: "agent", index: 1, forMs: 10_000, atMs: random.within([8_500, 9_500]) },
    { kind: "stall", member: "agent", index: 2, forMs: 1_500, atMs: random.within([12_000, 13_000]) },
  ],
  expected: { cancelWithinMs: 15_000 },
  proof: { takeovers: 1, cancelled: 1 },
});

export const workerLost = defineScenario({
  name: "worker-lost",
  about: "Whoever gets a turn dies: with MAX_ATTEMPTS=2 turns end honestly as WORKER_LOST.",
  promises: ["P1", "P3", "P7"],
  shape: { env: { agent: { MAX_ATTEMPTS: "2" } } },
  workload: { prompts: { long: 1 }, spanMs: 10_000, turnsPerConversation: [1, 3] },
  faults: (random, spanMs) =>
    every(random, spanMs + 4_000, [300, 600], (index) => ({
      kind: "kill",
      member: "agent",
      index: index % agents,
      downMs: random.within([50, 200]),
    })),
  expected: { ends: ["error:WORKER_LOST"], cancelWithinMs: 15_000 },
  proof: { takeovers: 1 },
});
