import { every } from "../faults/fault.ts";
import { ordinaryDecisions } from "../plan/decisions.ts";
import { defineScenario } from "./ordinary.ts";

export const dialects = defineScenario({
  name: "dialects",
  about:
    "Each turn is looked at in eleven ways at once (sockets, events, AI SDK, Responses, AG-UI, A2A, Durable Streams, …) while workers and an edge are killed and frozen and connections are cut: all have the same in the end.",
  promises: ["P2"],
  throughDialects: true,
  // Eleven clients look at each, over several connections.
  mostTurns: 40,
  shape: { env: { tool: { APPROVAL_TTL_MS: "90000" } } },
  workload: {
    prompts: { long: 3, short: 1, thinking: 2, "parallel tools": 3, "two tools": 1, "asked change": 2, unavailable: 1 },
    turnsPerConversation: [1, 3],
    onlookers: [0, 1],
    spanMs: 12_000,
    cancels: 0.15,
    decisions: { ...ordinaryDecisions, strangers: 0 },
  },
  faults: (random, spanMs) => [
    ...every(random, spanMs, [2_000, 3_500], () => ({
      kind: "kill",
      member: "agent",
      index: random.within([0, 2]),
      downMs: random.within([200, 900]),
    })),
    ...every(random, spanMs, [4_000, 6_000], () => ({
      kind: "freeze",
      member: "agent",
      index: random.within([0, 2]),
      forMs: random.within([2_600, 4_000]),
    })),
    { kind: "kill", member: "edge", index: 1, downMs: 500, atMs: random.within([4_000, 8_000]) },
  ],
  // All workers may be dead at once.
  expected: { cancelWithinMs: 30_000, goesOnWithinMs: 30_000 },
  proof: { takeovers: 1, toolRuns: 3, reconnects: 1 },
});
