import type { Group } from "../../loadtest/settings.ts";
import type { LoadOptions } from "./load-options.ts";
import { killEdge, killWorkers, playSlowReaders } from "./acts.ts";
import { type MemoryFigures, memoryVerdicts, socketVerdicts } from "./report/memory-verdicts.ts";
import { makeRooms, roomAgent, type RoomGround } from "./make-rooms.ts";
import type { Stage } from "./stage.ts";
import type { Verdict } from "./verdict.ts";

export interface LoadScenario {
  readonly name: string;
  readonly title: string;
  /** One sentence for the list of scenarios. */
  readonly proves: string;
  /** File in loadtest/scenarios. */
  readonly script: string;
  readonly defaults: LoadOptions;
  readonly groups: (options: LoadOptions) => readonly Partial<Group>[];
  /** The time over which the users connect; default: the first fifth. */
  readonly connectMs?: (options: LoadOptions) => number;
  readonly drainMs?: number;
  readonly mayLoseEdges?: boolean;
  readonly tools?: number;
  /** Whom the agents ask; default: the simulator. */
  readonly model?: "simulator" | "bare";
  /** What the driver makes before the generators start. */
  readonly prepare?: (ground: RoomGround) => Promise<void>;
  /** What the driver does meanwhile. Returns what it saw. */
  readonly act?: (stage: Stage) => Promise<readonly Verdict[]>;
  /** What must hold of the figures, beyond k6's thresholds. */
  readonly judge?: (figures: MemoryFigures) => readonly Verdict[];
  /** A run that nobody looks at again: its results go where git does not see them. */
  readonly isPassing?: boolean;
}

const usual = { edges: 1, agents: 1, tokens: 60, rate: 30, thinkMs: 1_000 };

const chatting = (options: LoadOptions, users: number): Partial<Group> => ({ ...options, kind: "chat", users });

/** Steps of the idle ramp: at most so many new connections a second, on two cores that the generator shares. */
const connectsPerSecond = 500;
const abuseManners = ["flood", "garbage", "large", "huge", "bad-token", "silent"];
const toolDirective = `tool=demo_sleep args={"ms":200}`;

export const scenarios: readonly LoadScenario[] = [
  {
    name: "smoke",
    title: "Smoke: 1,200 connections, 300 of them chatting",
    proves: "a spotless short run: no error, no lost word; the one that CI runs",
    script: "smoke.ts",
    defaults: { ...usual, users: 1_200, active: 300, seconds: 15, tokens: 40, rate: 20 },
    groups: (options) => [chatting(options, options.active), { kind: "idle", users: options.users - options.active }],
    connectMs: () => 4_000,
    isPassing: true,
  },
  {
    name: "idle",
    title: "S1: idle connections",
    proves: "how many authenticated connections an edge holds, and what one costs",
    script: "idle.ts",
    defaults: { ...usual, users: 10_000, active: 0, seconds: 30 },
    groups: ({ users }) => [{ kind: "idle", users }],
    connectMs: ({ users, seconds }) => Math.max((users / connectsPerSecond) * 1_000, (seconds * 1_000) / 2),
    judge: socketVerdicts,
  },
  {
    name: "chat",
    title: "S2: people who chat",
    proves: "how long people wait for Parley beyond the time that the model takes",
    script: "chat.ts",
    model: "bare",
    defaults: { ...usual, users: 200, active: 200, seconds: 60 },
    groups: (options) => [chatting(options, options.users)],
    connectMs: () => 5_000,
  },
  {
    name: "storm",
    title: "S3: everybody connects at once",
    proves: "5,000 connections in 5 s, none refused",
    script: "storm.ts",
    defaults: { ...usual, users: 5_000, active: 0, seconds: 15 },
    groups: ({ users }) => [{ kind: "idle", users }],
    connectMs: ({ users }) => users,
  },
  {
    name: "slow-readers",
    title: "S4: slow readers beside good users",
    proves: "a reader who stops reading costs nobody else anything, and is caught up when it reads again",
    script: "slow-readers.ts",
    defaults: { ...usual, users: 100, active: 100, seconds: 80 },
    groups: (options) => [chatting(options, options.users)],
    connectMs: () => 5_000,
    tools: 1,
    act: playSlowReaders,
  },
  {
    name: "edge-killed",
    title: "S5: an edge is killed",
    proves:
      "half of the viewers lose their edge, half of them in mid-answer: nothing is lost, all are back within 10 s",
    script: "edge-killed.ts",
    defaults: { ...usual, users: 5_000, active: 2_500, seconds: 80, edges: 2, tokens: 200, rate: 4 },
    groups: (options) => [
      // Asked in the second quarter of the run, their answers last past the kill in the middle of it.
      {
        ...chatting(options, options.active),
        turns: 1,
        startMs: options.seconds * 250,
        thinkMs: options.seconds * 150,
      },
      { ...chatting(options, options.users - options.active), turns: 1, tokens: 3, rate: 0, startMs: 0 },
    ],
    connectMs: ({ seconds }) => seconds * 250,
    drainMs: 40_000,
    mayLoseEdges: true,
    act: killEdge,
  },
  {
    name: "tools",
    title: "S6: every answer needs a tool",
    proves: "how long a tool call waits beyond the time that the tool takes",
    script: "tools.ts",
    defaults: { ...usual, users: 60, active: 60, seconds: 40, tokens: 20 },
    groups: (options) => [{ ...chatting(options, options.users), manner: toolDirective }],
    connectMs: () => 3_000,
    tools: 2,
  },
  {
    name: "abusers",
    title: "S7: abusers among good users",
    proves: "floods, garbage, huge frames, bad tokens and silent sockets do not touch the good users",
    script: "abusers.ts",
    defaults: { ...usual, users: 200, active: 170, seconds: 40 },
    groups: (options) => [
      chatting(options, options.active),
      ...abuseManners.map((manner, index) => ({
        kind: "abuse" as const,
        manner,
        users: share(options.users - options.active, abuseManners.length, index),
      })),
    ],
    connectMs: () => 5_000,
  },
  {
    name: "rooms",
    title: "S9: people in rooms, with agents",
    proves: "what people say to each other is seen once by everybody, in one order, while agent workers are killed",
    script: "rooms.ts",
    defaults: {
      ...{ ...usual, users: 1_000, active: 1_000, rooms: 50, people: 20, seconds: 60, edges: 2, agents: 3 },
      ...{ tokens: 40, rate: 20, thinkMs: 40_000 },
    },
    groups: (options) =>
      Array.from({ length: options.rooms ?? 0 }, () => ({
        ...{ ...options, kind: "room" as const, users: options.people ?? 0, manner: roomAgent },
      })),
    connectMs: ({ users }) => Math.max(1_000, (users / connectsPerSecond) * 5_000),
    drainMs: 45_000,
    prepare: makeRooms,
    act: killWorkers,
  },
  {
    name: "soak",
    title: "S8: the same load for long",
    proves: "the memory of no process grows with time (use --minutes 20 for a verdict)",
    script: "soak.ts",
    defaults: { ...usual, users: 100, active: 100, seconds: 120 },
    groups: (options) => [chatting(options, options.users)],
    connectMs: () => 5_000,
    judge: memoryVerdicts,
  },
];

/** `whole` in `parts` nearly equal ones. */
function share(whole: number, parts: number, index: number): number {
  return Math.floor((whole * (index + 1)) / parts) - Math.floor((whole * index) / parts);
}
