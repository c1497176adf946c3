import { every } from "../faults/fault.ts";
import { defineScenario } from "./ordinary.ts";

export const cancelStorm = defineScenario({
  name: "cancel-storm",
  about:
    "Most turns are cancelled: before their first text, in mid-sentence, during tools and while they wait; from any device.",
  promises: ["P1", "P4", "P6"],
  workload: {
    cancels: 0.8,
    prompts: { long: 3, "slow start": 3, "long read tool": 3, "two tools": 1, short: 1 },
    moments: { accepted: 3, "first text": 2, "tool started": 2 },
    bursts: 0.5,
    onlookers: [1, 2],
  },
  proof: { cancelled: 10 },
});

export const queues = defineScenario({
  name: "queues",
  about: "People send several messages at once; agent workers are killed in between.",
  promises: ["P1", "P4"],
  workload: { bursts: 1, turnsPerConversation: [4, 8], prompts: { short: 4, "read tool": 1 }, cancels: 0.1 },
  faults: (random, spanMs) =>
    every(random, spanMs, [1_500, 2_500], (index) => ({ kind: "kill", member: "agent", index, downMs: 300 })),
  expected: { cancelWithinMs: 10_000 },
  proof: { waited: 10, takeovers: 1 },
});

export const busyPolicies = defineScenario({
  name: "busy-policies",
  about: "People do not wait: they interrupt the answer that runs, or are told that the conversation is busy.",
  promises: ["P1", "P4", "P5", "P6"],
  workload: {
    onBusy: { interrupt: 3, reject: 3, enqueue: 2 },
    prompts: { long: 3, short: 2, "long read tool": 1 },
    turnsPerConversation: [4, 8],
    bursts: 0.3,
    repeats: 0.2,
    onlookers: [0, 2],
  },
  expected: { cancelWithinMs: 5_000 },
  proof: { cancelled: 5 },
});

export const modelMisbehaves = defineScenario({
  name: "model-misbehaves",
  about: "The model is overloaded, breaks off, falls silent, or asks for tools in broken JSON.",
  promises: ["P1", "P2"],
  shape: { env: { agent: { MODEL_IDLE_MS: "1500", MODEL_FIRST_TOKEN_MS: "3000" } } },
  workload: {
    prompts: {
      short: 2,
      "unavailable once": 1,
      "limited once": 1,
      unavailable: 1,
      "cut off": 1,
      reset: 1,
      stalled: 1,
      "bad arguments": 1,
      "broken in the middle": 1,
    },
    cancels: 0.1,
  },
});

export const weather = defineScenario({
  name: "weather",
  about: "Everything at once, and long enough for each to meet each.",
  promises: ["P1", "P2", "P3", "P4", "P5", "P6", "P7"],
  shape: { proxied: ["agent", "edge"] },
  workload: {
    spanMs: 20_000,
    cancels: 0.15,
    repeats: 0.15,
    cuts: [0, 3],
    onlookers: [0, 3],
    bursts: 0.2,
    onBusy: { enqueue: 8, interrupt: 1, reject: 1 },
  },
  faults: (random, spanMs) => [
    ...every(random, spanMs, [2_500, 4_500], () => ({
      kind: "kill",
      member: random.pick(["agent", "agent", "edge", "tool"] as const),
      index: random.within([0, 2]),
      downMs: random.within([200, 900]),
    })),
    ...every(random, spanMs, [4_000, 7_000], () => ({
      kind: "freeze",
      member: random.pick(["agent", "agent", "tool"] as const),
      index: random.within([0, 2]),
      forMs: random.within([2_600, 5_000]),
    })),
    ...every(random, spanMs, [5_000, 8_000], () => ({
      kind: random.pick(["stall", "sever"] as const),
      member: random.pick(["agent", "edge"] as const),
      index: random.within([0, 2]),
      forMs: random.within([800, 4_000]),
    })),
    { kind: "kill broker", broker: "nats", downMs: random.within([300, 1_000]), atMs: random.within([8_000, 10_000]) },
    { kind: "kill broker", broker: "redis", downMs: random.within([300, 1_000]), atMs: random.within([4_000, 16_000]) },
  ],
  expected: { cancelWithinMs: 20_000 },
  proof: { takeovers: 1, reconnects: 10 },
});
