import { every } from "../faults/fault.ts";
import { defineScenario } from "./ordinary.ts";

export const calm = defineScenario({
  name: "calm",
  about: "Nothing breaks: people ask, look on and change places.",
  promises: ["P1", "P2", "P4", "P7"],
  workload: { cancels: 0.05 },
  proof: { turns: 1, toolRuns: 1 },
});

export const clientsCut = defineScenario({
  name: "clients-cut",
  about: "Connections break at any moment, again and again; each next one goes to the other edge.",
  promises: ["P1", "P2", "P5"],
  workload: { cuts: [3, 8], onlookers: [1, 3], repeats: 0.15, library: 0.4 },
  proof: { reconnects: 50 },
});

export const manyDevices = defineScenario({
  name: "many-devices",
  about: "Many devices look at one conversation, most of them join late, some in the middle of a sentence.",
  promises: ["P1", "P2"],
  workload: { onlookers: [4, 8], late: 0.8, cuts: [0, 2], turnsPerConversation: [4, 8] },
  proof: { snapshots: 10 },
});

export const slowViewers = defineScenario({
  name: "slow-viewers",
  about: "Sockets stop reading for seconds while megabytes are said, and go on.",
  promises: ["P2", "P7"],
  workload: {
    // The kernel takes in some 4 MB for a socket that does not read, before the edge notices anything.
    prompts: { "large answer": 1 },
    turnsPerConversation: [60, 70],
    spanMs: 14_000,
    onlookers: [2, 4],
    late: 0,
    pauses: [1, 1],
    pauseForMs: [15_000, 18_000],
    cuts: [0, 0],
    bursts: 0,
    library: 0.2,
  },
  proof: { lagged: 1 },
});

export const churn = defineScenario({
  name: "churn",
  about: "Viewers come, leave, come back and break off, over and over; in the end nothing is left of them.",
  promises: ["P2", "P7"],
  workload: {
    prompts: { short: 1, long: 1 },
    turnsPerConversation: [2, 4],
    onlookers: [3, 6],
    late: 0.5,
    cuts: [1, 4],
    leaves: [3, 6],
  },
  waitsForHubs: true,
  proof: { reconnects: 50 },
});

export const repeats = defineScenario({
  name: "repeats",
  about:
    "The same message is sent again and again, through both edges, also when the edge that took it was just killed.",
  promises: ["P1", "P5"],
  workload: { repeats: 0.9, onlookers: [1, 2], cuts: [0, 2], prompts: { short: 3, "write tool": 2 } },
  faults: (random, spanMs) =>
    every(random, spanMs, [2_000, 3_000], (index) => ({ kind: "kill", member: "edge", index, downMs: 300 })),
  proof: { reconnects: 5 },
});
