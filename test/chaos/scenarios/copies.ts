import { isTerminal } from "@parley/protocol";
import { every } from "../faults/fault.ts";
import type { LateCopies, LiveCopy } from "../faults/late-copies.ts";
import { defineScenario } from "./ordinary.ts";

/** Of what an edge gets live, the events that are not of the agent's running text: those of other writers, and ends. */
function isOvertakable({ channel, type }: LiveCopy): boolean {
  return channel === "user" || channel.startsWith("tool") || isTerminal(type);
}

const overtaken: LateCopies = {
  order: "subject",
  delayOf: (copy, random) => (isOvertakable(copy) && random.chance(0.7) ? random.within([1, 400]) : 0),
};

/** More than a short turn takes: the broker then knows its end before the edge knows its beginning. */
const behind: LateCopies = {
  order: "all",
  delayOf: ({ turn }, random) => random.within(turn < "8" ? [20, 60] : [100, 250]),
};

const withTools = { short: 4, long: 1, "read tool": 3, "two tools": 2 };

export const endsOvertaken = defineScenario({
  name: "ends-overtaken",
  about: "The live copy of an answer's end comes after that of a request to cancel it, which was stored behind it.",
  promises: ["P1", "P2"],
  shape: { agents: 2, tools: 1, late: { edge: { order: "subject", delayOf: () => 0, cancelledBehind: 0.6 } } },
  workload: { onlookers: [1, 2], turnsPerConversation: [1, 3], bursts: 0.3, cancels: 0.1 },
  expected: { copiesLateMs: 100 },
  proof: { overtaken: 10 },
});

export const copiesLate = defineScenario({
  name: "copies-late",
  about:
    "Live copies come 20 to 250 ms behind the broker's answers, as from another server, while people join all the time.",
  promises: ["P1", "P2"],
  shape: { agents: 2, tools: 1, late: { edge: behind } },
  workload: {
    prompts: { instant: 4, short: 1 },
    turnsPerConversation: [5, 8],
    bursts: 0.7,
    onlookers: [20, 30],
    late: 1,
    joinAround: [0, 900],
    cuts: [0, 0],
    repeats: 0,
  },
  expected: { copiesLateMs: 250 },
  proof: { late: 1_000, snapshots: 100 },
});

export const copiesOvertaken = defineScenario({
  name: "copies-overtaken",
  about:
    "Live copies of messages, tool results and ends come after later events; connections break in between, and edges are killed.",
  promises: ["P1", "P2"],
  shape: { agents: 2, tools: 1, late: { edge: overtaken } },
  workload: { prompts: withTools, bursts: 0.6, onlookers: [2, 4], cuts: [5, 12], cancels: 0.1 },
  faults: (random, spanMs) =>
    every(random, spanMs, [2_500, 3_500], (index) => ({ kind: "kill", member: "edge", index, downMs: 400 })),
  expected: { copiesLateMs: 400, cancelWithinMs: 5_000 },
  proof: { overtaken: 50, reconnects: 100 },
});

export const copiesOvertakenAtOneEdge = defineScenario({
  name: "copies-overtaken-at-one-edge",
  about: "As before, with one edge: whoever breaks off comes back to the same one.",
  promises: ["P1", "P2"],
  shape: { agents: 2, edges: 1, tools: 1, late: { edge: overtaken } },
  workload: { prompts: withTools, bursts: 0.6, onlookers: [2, 4], cuts: [5, 12], cancels: 0.1 },
  expected: { copiesLateMs: 400 },
  proof: { overtaken: 50, reconnects: 100 },
});

const torn: LateCopies = { order: "subject", delayOf: (_copy, random) => random.within([0, 150]), pieceBytes: 1 };

export const copiesTorn = defineScenario({
  name: "copies-torn",
  about:
    "Live copies come in single bytes, late and overtaking each other, to edges and agent workers, whatever people do.",
  // A proxy in this process takes every byte by itself.
  mostTurns: 100,
  promises: ["P1", "P2", "P4", "P6"],
  shape: { late: { edge: { ...torn, cancelledBehind: 0.1 }, agent: torn } },
  workload: {
    prompts: { short: 4, "read tool": 2, "two tools": 2 },
    onBusy: { enqueue: 6, interrupt: 2, reject: 1 },
    bursts: 0.5,
    onlookers: [1, 4],
    late: 0.5,
    cuts: [1, 6],
    leaves: [0, 2],
    cancels: 0.25,
    repeats: 0.15,
  },
  expected: { copiesLateMs: 150, agentsHearLateMs: 150, cancelWithinMs: 5_000 },
  proof: { overtaken: 50, cancelled: 5 },
});

export const leadersMoved = defineScenario({
  name: "leaders-moved",
  about:
    "Of three NATS servers, another one becomes the leader of the events every second or two, while copies come late.",
  promises: ["P1", "P2", "P4"],
  shape: { agents: 2, tools: 1, natsServers: 3, late: { edge: { ...torn, delayOf: overtaken.delayOf } } },
  workload: { prompts: withTools, bursts: 0.4, onlookers: [3, 6], late: 0.6, joinAround: [0, 1_500], cuts: [1, 5] },
  faults: (random, spanMs) => every(random, spanMs, [1_000, 2_000], () => ({ kind: "move leader" })),
  expected: { copiesLateMs: 400, cancelWithinMs: 10_000 },
  proof: { overtaken: 20, reconnects: 50 },
});
