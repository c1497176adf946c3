import { every } from "../faults/fault.ts";
import { defineScenario } from "./ordinary.ts";

const withTools = { short: 3, long: 2, "read tool": 3, "write tool": 3, "two tools": 2 };

export const natsRestarted = defineScenario({
  name: "nats-restarted",
  about: "NATS is killed and started again, three times.",
  promises: ["P1", "P2", "P3", "P5"],
  workload: { spanMs: 14_000, cancels: 0.15 },
  faults: (random) => [
    { kind: "kill broker", broker: "nats", downMs: random.within([300, 800]), atMs: random.within([2_000, 3_000]) },
    { kind: "kill broker", broker: "nats", downMs: random.within([1_000, 2_500]), atMs: random.within([6_000, 7_000]) },
    { kind: "kill broker", broker: "nats", downMs: random.within([100, 300]), atMs: random.within([11_500, 12_500]) },
  ],
  expected: { cancelWithinMs: 20_000 },
});

export const natsFrozen = defineScenario({
  name: "nats-frozen",
  about: "NATS stands still for 4 s, twice: appends time out and may or may not be stored.",
  promises: ["P1", "P2", "P3"],
  workload: { spanMs: 14_000, cancels: 0.1 },
  faults: (random) => [
    { kind: "freeze broker", broker: "nats", forMs: 4_000, atMs: random.within([2_000, 3_000]) },
    { kind: "freeze broker", broker: "nats", forMs: 4_000, atMs: random.within([8_500, 9_500]) },
  ],
  expected: { cancelWithinMs: 20_000 },
});

export const natsServersKilled = defineScenario({
  name: "nats-servers-killed",
  about: "Of three NATS servers with a copy of everything each, one after the other is killed and comes back.",
  promises: ["P1", "P2", "P3", "P5"],
  shape: { natsServers: 3 },
  workload: { spanMs: 20_000, cancels: 0.15 },
  faults: (random) =>
    [0, 1, 2].map((server) => ({
      kind: "kill broker",
      broker: "nats",
      server,
      downMs: random.within([1_000, 2_500]),
      atMs: 2_000 + server * 6_000 + random.within([0, 500]),
    })),
  expected: { cancelWithinMs: 20_000 },
});

export const natsServersFrozen = defineScenario({
  name: "nats-servers-frozen",
  about:
    "Of three NATS servers, one stands still for 5 s, and then another: leaders are elected while the old one still believes it leads.",
  promises: ["P1", "P2", "P3"],
  shape: { natsServers: 3 },
  workload: { spanMs: 20_000, cancels: 0.1 },
  faults: (random) =>
    [0, 1].map((step) => ({
      kind: "freeze broker",
      broker: "nats",
      server: random.within([0, 2]),
      forMs: 5_000,
      atMs: 2_500 + step * 9_000,
    })),
  expected: { cancelWithinMs: 20_000 },
});

export const redisRestarted = defineScenario({
  name: "redis-restarted",
  about: "Redis is killed and comes back with its data, three times.",
  promises: ["P1", "P5"],
  workload: { prompts: withTools },
  faults: (random, spanMs) =>
    every(random, spanMs, [2_500, 3_500], () => ({
      kind: "kill broker",
      broker: "redis",
      downMs: random.within([300, 1_500]),
    })),
  proof: { toolRuns: 10 },
});

export const redisEmptied = defineScenario({
  name: "redis-emptied",
  about: "Redis is killed and comes back without its data, three times: waiting jobs and the list of tools are gone.",
  promises: ["P1", "P5"],
  shape: { redisKeepsData: false },
  workload: { prompts: withTools },
  faults: (random, spanMs) =>
    every(random, spanMs, [2_500, 3_500], () => ({
      kind: "kill broker",
      broker: "redis",
      downMs: random.within([100, 1_200]),
    })),
  proof: { toolRuns: 10 },
});

export const redisDown = defineScenario({
  name: "redis-down",
  about: "Redis is away for 12 s: turns without tools go on, tool calls end as failed when their time is over.",
  promises: ["P1", "P5"],
  shape: { env: { agent: { TOOL_QUEUE_WAIT_MS: "1000" } } },
  workload: { prompts: { short: 4, "read tool": 1, "failing tool": 1 } },
  faults: (random) => [{ kind: "kill broker", broker: "redis", downMs: 12_000, atMs: random.within([1_500, 2_500]) }],
  proof: { toolRuns: 5 },
});

export const eventsForgotten = defineScenario({
  name: "events-forgotten",
  about:
    "All events are forgotten again and again, while tools change something and their workers are killed: what decides are the facts.",
  promises: ["P1", "P5"],
  workload: {
    prompts: { short: 1, "write tool": 3, "long write tool": 4, "two tools": 2, "read tool": 1 },
    onlookers: [1, 2],
    cancels: 0.1,
    spanMs: 14_000,
  },
  faults: (random, spanMs) => [
    ...every(random, spanMs, [1_500, 3_000], () => ({ kind: "forget events" })),
    ...every(random, spanMs, [3_000, 4_500], (index) => ({ kind: "kill", member: "tool", index, downMs: 300 })),
    ...every(random, spanMs, [5_000, 7_000], (index) => ({ kind: "kill", member: "agent", index, downMs: 400 })),
  ],
  expected: { logLost: true, freshSnapshots: true, cancelWithinMs: 20_000 },
  proof: { toolRuns: 10 },
});

export const eventsDeleted = defineScenario({
  name: "events-deleted",
  about: "Somebody deletes the event stream in mid-run.",
  promises: ["P1", "P2"],
  workload: { prompts: { short: 4, long: 3, "slow start": 1, "read tool": 2 }, onlookers: [1, 2] },
  faults: (random) => [
    { kind: "delete events", atMs: random.within([3_000, 4_000]) },
    { kind: "delete events", atMs: random.within([7_000, 8_000]) },
  ],
  expected: { logLost: true, freshSnapshots: true, cancelWithinMs: 10_000 },
  proof: { snapshots: 1 },
});
