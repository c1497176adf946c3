import { every } from "../faults/fault.ts";
import { defineScenario } from "./ordinary.ts";

const tools = 2;
const calls = { short: 1, "read tool": 3, "long read tool": 2, "write tool": 4, "two tools": 3, "failing tool": 1 };

export const toolWorkersKilled = defineScenario({
  name: "tool-workers-killed",
  about: "Tool workers are killed in mid-call: what only reads is run again, what changes something is not.",
  promises: ["P1", "P5"],
  workload: { prompts: calls, spanMs: 12_000 },
  faults: (random, spanMs) =>
    every(random, spanMs, [1_000, 2_000], () => ({
      kind: "kill",
      member: "tool",
      index: random.within([0, tools - 1]),
      downMs: random.within([200, 900]),
    })),
  proof: { toolRuns: 10 },
});

export const toolWorkersFrozen = defineScenario({
  name: "tool-workers-frozen",
  about: "Tool workers stand still for longer than their lock, their calls run elsewhere, and they wake up as zombies.",
  promises: ["P1", "P5"],
  workload: { prompts: calls, spanMs: 12_000, cancels: 0.1 },
  faults: (random, spanMs) =>
    every(random, spanMs, [2_000, 3_000], () => ({
      kind: "freeze",
      member: "tool",
      index: random.within([0, tools - 1]),
      forMs: random.within([4_500, 6_000]),
    })),
  expected: { cancelWithinMs: 10_000 },
  proof: { toolRuns: 10 },
});

export const toolWorkersRestarted = defineScenario({
  name: "tool-workers-restarted",
  about: "A rolling update of the tool workers, with calls that are handed over and agents that die as well.",
  promises: ["P1", "P5"],
  workload: { prompts: calls, spanMs: 12_000 },
  faults: (random, spanMs) => [
    ...every(random, spanMs, [1_500, 2_500], (index) => ({ kind: "restart", member: "tool", index })),
    ...every(random, spanMs, [2_500, 4_000], (index) => ({ kind: "kill", member: "agent", index, downMs: 400 })),
  ],
  expected: { cancelWithinMs: 10_000 },
  proof: { toolRuns: 10, takeovers: 1 },
});
