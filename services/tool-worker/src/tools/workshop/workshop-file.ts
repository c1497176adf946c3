import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseYaml, StartError } from "@parley/runtime";
import { z } from "zod";
import { isDate, isTimeZone, minutesOf, weekdays } from "./local-time.ts";

const shipped = fileURLToPath(new URL("../../../../../config/workshop.yaml", import.meta.url));

const line = (most: number) => z.string().trim().min(1, "must not be empty").max(most);
const OPENING = /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$/;

const Opening = z
  .string()
  .regex(OPENING, "must be as 08:00-12:00")
  .transform((text) => {
    const [from = "", to = ""] = text.split("-");
    return { from: minutesOf(from), to: minutesOf(to) };
  })
  .refine(({ from, to }) => from < to && to <= 24 * 60, "must end after it begins, and on the same day");

const Service = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "must be 1 to 32 lower-case letters, digits or '-'"),
  name: line(60),
  words: z.array(line(40).toLowerCase()).max(30).default([]),
  minutes: z.int().min(5).max(720),
  price: z.number().min(0).max(1_000_000),
  includes: line(300).optional(),
});
export type Service = z.infer<typeof Service>;

const WorkshopFile = z.strictObject({
  name: line(60),
  time_zone: z.string().refine(isTimeZone, "must be a time zone, such as Europe/Berlin"),
  currency: z.string().regex(/^[A-Z]{3}$/, "must be three capital letters, such as EUR"),
  slot_minutes: z.int().min(5).max(240),
  bays: z.int().min(1).max(20),
  horizon_days: z.int().min(1).max(366),
  notice_minutes: z.int().min(0).max(10_080).default(0),
  open_bookings: z.int().min(1).max(100).default(5),
  opening_hours: z.partialRecord(z.enum(weekdays), z.array(Opening).max(6)),
  closed: z.array(z.string().refine(isDate, "must be a day, such as 2026-12-24")).max(500).default([]),
  services: z.array(Service).min(1).max(50),
});
export type Workshop = z.infer<typeof WorkshopFile>;

/** Reads a workshop. Throws one StartError with all mistakes, each with file and line. */
export function parseWorkshop(file: string, text: string): Workshop {
  const parsed = parseYaml({ file, text }, WorkshopFile);
  const problems = parsed.ok ? repeatedNames(parsed.value, parsed.placeOf) : parsed.problems;
  if (parsed.ok && problems.length === 0) return parsed.value;
  throw new StartError(["The workshop cannot be used:", ...problems.map((one) => `  - ${one}`)].join("\n"));
}

/** The one that is named, or the shipped one if it is there. Undefined: there is none. */
export async function loadWorkshop(named: string | undefined): Promise<Workshop | undefined> {
  const file = named ?? shipped;
  if (named === undefined && !existsSync(file)) return undefined;
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new StartError(`The file of the workshop, ${file}, cannot be read.`, { cause });
  });
  return parseWorkshop(file, text);
}

function repeatedNames({ services }: Workshop, placeOf: (path: readonly PropertyKey[]) => string): string[] {
  const names = services.flatMap((service, index) =>
    [...new Set([service.id, service.name.toLowerCase(), ...service.words])].map((name) => ({ name, index })),
  );
  return names.flatMap(({ name, index }) => {
    const first = names.find((other) => other.name === name);
    return first === undefined || first.index === index
      ? []
      : `${placeOf(["services", index])}: "${name}" is the name of the service ${services[first.index]?.id} too`;
  });
}

/** By its id, its name, or a word that people have for it; else the one with the longest of these in the text. */
export function findService({ services }: Pick<Workshop, "services">, text: string): Service | undefined {
  const asked = text.trim().toLowerCase();
  const named = services.flatMap((service) =>
    [service.id, service.name.toLowerCase(), ...service.words].map((name) => ({ name, service })),
  );
  const exact = named.find(({ name }) => name === asked);
  const within = named.filter(({ name }) => ` ${asked.replaceAll(/[^\p{L}\p{N}-]+/gu, " ")} `.includes(` ${name} `));
  return (exact ?? within.toSorted((one, other) => other.name.length - one.name.length)[0])?.service;
}
