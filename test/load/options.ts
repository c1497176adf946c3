import { parseArgs } from "node:util";
import type { LoadOptions } from "./load-options.ts";
import { type LoadScenario, scenarios } from "./scenarios.ts";

export interface Command {
  readonly scenario: LoadScenario;
  readonly options: LoadOptions;
  /** Where the results go instead of the usual place. */
  readonly out: string | undefined;
}

const numbers = [
  ...(["users", "active", "seconds", "minutes", "edges", "agents", "tokens", "rate", "think-ms"] as const),
  ...(["rooms", "people"] as const),
] as const;
type NumberName = (typeof numbers)[number];

const flags = Object.fromEntries([...numbers, "out"].map((name) => [name, { type: "string" as const }]));

/** Undefined: no scenario was named. Throws an Error with one sentence when the arguments make no sense. */
export function readCommand(args: readonly string[]): Command | undefined {
  if (args.length === 0) return undefined;
  const { values, positionals } = parseArgs({ args: [...args], options: flags, allowPositionals: true });
  const scenario = scenarioOf(positionals);
  return { scenario, options: readOptions(values, scenario.defaults), out: textOf(values["out"]) };
}

function scenarioOf([name, ...more]: readonly string[]): LoadScenario {
  const scenario = scenarios.find((known) => known.name === name);
  if (scenario !== undefined && more.length === 0) return scenario;
  const names = scenarios.map((known) => known.name).join(", ");
  throw new Error(`Name one scenario, of these: ${names}.`);
}

type Values = Readonly<Record<string, unknown>>;

function readOptions(values: Values, defaults: LoadOptions): LoadOptions {
  const given = (key: NumberName, fallback: number): number => readNumber(key, values[key]) ?? fallback;
  const rooms = roomsOf(values, defaults);
  const users = rooms === undefined ? given("users", defaults.users) : rooms.rooms * rooms.people;
  return {
    users,
    ...rooms,
    active: Math.min(users, given("active", Math.round((users * defaults.active) / defaults.users))),
    seconds: given("seconds", Math.round(given("minutes", defaults.seconds / 60) * 60)),
    edges: given("edges", defaults.edges),
    agents: given("agents", defaults.agents),
    tokens: given("tokens", defaults.tokens),
    rate: given("rate", defaults.rate),
    thinkMs: given("think-ms", defaults.thinkMs),
  };
}

/** Undefined: the scenario has no rooms. */
function roomsOf(values: Values, { rooms, people }: LoadOptions): { rooms: number; people: number } | undefined {
  if (rooms === undefined || people === undefined) return undefined;
  return {
    rooms: readNumber("rooms", values["rooms"]) ?? rooms,
    people: readNumber("people", values["people"]) ?? people,
  };
}

const fromZero: ReadonlySet<NumberName> = new Set(["rate", "think-ms", "active"]);

function readNumber(name: NumberName, text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  const isWhole = name !== "minutes";
  const least = fromZero.has(name) || !isWhole ? 0 : 1;
  if (Number.isFinite(value) && value >= least && (!isWhole || Number.isInteger(value))) return value;
  throw new Error(`--${name} must be a ${isWhole ? "whole number" : "number"} from ${least}.`);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
