import { isRecord } from "./wire.ts";

/** What the driver tells a generator; one file per k6 process. Times in ms from the generator's start. */
export interface Settings {
  /** Makes ids of this run unlike those of any other. */
  readonly run: string;
  /** Addresses of the edges, without path. */
  readonly urls: readonly string[];
  readonly vus: number;
  /** This process of so many: it takes every `processes`-th user. */
  readonly process: number;
  readonly processes: number;
  /** The users connect evenly spread over this time. */
  readonly connectMs: number;
  /** Nobody asks anything after this. */
  readonly runMs: number;
  /** What was asked before may take so long to end. */
  readonly drainMs: number;
  readonly reportEveryMs: number;
  /** A connection that ends is expected here: its user comes back, to another edge. */
  readonly mayLoseEdges: boolean;
  readonly summaryFile: string;
  readonly groups: readonly Group[];
}

/** Users who all do the same. They are numbered through all groups, in this order. */
export interface Group {
  readonly kind: "idle" | "chat" | "abuse" | "room";
  readonly users: number;
  /** Of chatting users: how many turns each asks; 0 is as many as there is time for. */
  readonly turns: number;
  readonly tokens: number;
  readonly rate: number;
  /** Between an answer and the next question, half as much more or less. */
  readonly thinkMs: number;
  /** The first question comes up to `thinkMs` after this, or when the user is connected, if that is later. */
  readonly startMs: number;
  /** Of a room: whom a question names. More of the simulator's directives, for turns with tools; or the way of abuse. */
  readonly manner: string;
}

const groupKinds = ["idle", "chat", "abuse", "room"] as const;

/** Reads the driver's file. Throws an Error that names the field. */
export function readSettings(text: string): Settings {
  const raw: unknown = JSON.parse(text);
  if (!isRecord(raw)) throw new Error("the settings are not an object");
  return {
    run: textAt(raw, "run"),
    urls: listAt(raw, "urls").map(String),
    vus: numberAt(raw, "vus"),
    process: numberAt(raw, "process"),
    processes: numberAt(raw, "processes"),
    connectMs: numberAt(raw, "connectMs"),
    runMs: numberAt(raw, "runMs"),
    drainMs: numberAt(raw, "drainMs"),
    reportEveryMs: numberAt(raw, "reportEveryMs"),
    mayLoseEdges: raw["mayLoseEdges"] === true,
    summaryFile: textAt(raw, "summaryFile"),
    groups: listAt(raw, "groups").map(readGroup),
  };
}

function readGroup(raw: unknown): Group {
  if (!isRecord(raw)) throw new Error("a group is not an object");
  const kind = groupKinds.find((known) => known === raw["kind"]);
  if (kind === undefined) throw new Error("a group is of no known kind");
  return {
    kind,
    users: numberAt(raw, "users"),
    turns: numberAt(raw, "turns"),
    tokens: numberAt(raw, "tokens"),
    rate: numberAt(raw, "rate"),
    thinkMs: numberAt(raw, "thinkMs"),
    startMs: numberAt(raw, "startMs"),
    manner: textAt(raw, "manner"),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function numberAt(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number") throw new Error(`${name} is not a number`);
  return value;
}

function textAt(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new Error(`${name} is not a text`);
  return value;
}

function listAt(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new Error(`${name} is not a list`);
  return value;
}

/** What everybody in a room calls it; the driver makes it before they come. */
export function roomOf(run: string, group: number): string {
  return `${run}-room-${group}`;
}

/** The group of a user, by the user's number. */
export function groupOf(groups: readonly Group[], user: number): Group | undefined {
  let first = 0;
  for (const group of groups) {
    if (user < first + group.users) return group;
    first += group.users;
  }
  return undefined;
}

export function userCount(groups: readonly Group[]): number {
  return groups.reduce((sum, { users }) => sum + users, 0);
}
