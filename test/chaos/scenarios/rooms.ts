import { every } from "../faults/fault.ts";
import { defineScenario } from "./ordinary.ts";

const spanMs = 12_000;

export const rooms = defineScenario({
  name: "rooms",
  about:
    "Four people in each room, on both edges: they write to each other and to an agent, change and react to messages, one is removed and let in again; agent workers and edges are killed meanwhile.",
  promises: ["P1", "P2", "P9"],
  workload: { spanMs },
  mostTurns: 10,
  rooms: { rooms: 4, acts: 40, spanMs },
  faults: (random) => [
    ...every(random, spanMs + 3_000, [2_500, 3_500], (index) => ({
      kind: "kill",
      member: "edge",
      index,
      downMs: random.within([200, 1_000]),
    })),
    ...every(random, spanMs + 3_000, [2_000, 3_000], (index) => ({
      kind: "kill",
      member: "agent",
      index: index % 3,
      downMs: random.within([200, 900]),
    })),
  ],
  expected: { cancelWithinMs: 10_000 },
  proof: { reconnects: 2 },
});
