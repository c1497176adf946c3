import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { env } from "node:process";
import { EventFrame, Part, SnapshotFrame } from "@parley/protocol";
import { expect } from "vitest";
import { z } from "zod";

/** What a viewer of one turn gets, and what it then has: data that clients in every language and all dialects are held against. */
export const Case = z.strictObject({
  says: z.string(),
  turn_id: z.string(),
  /** In their order; as they are on the wire. */
  frames: z.array(z.looseObject({ type: z.string(), seq: z.number() })),
  view: z
    .strictObject({
      status: z.string(),
      attempt: z.number(),
      /** The join of its text parts. */
      text: z.string(),
      parts: z.array(Part),
      /** Of an error. */
      code: z.string().optional(),
    })
    .optional(),
});
export type Case = z.infer<typeof Case>;

const folder = path.join(import.meta.dirname, "cases");
/** With it expectations are written instead of compared; look at the difference before it is committed. */
const isWriting = env["PARLEY_WRITE_CASES"] !== undefined;

const caseNames: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => name.slice(0, -".json".length));

function readCase(name: string): Case {
  return Case.parse(JSON.parse(readFileSync(path.join(folder, `${name}.json`), "utf8")));
}

/** The frames that this version knows; a client drops the others. */
export function knownFrames({ frames }: Case): (EventFrame | SnapshotFrame)[] {
  return frames.flatMap((frame): (EventFrame | SnapshotFrame)[] => {
    if (frame.type === "snapshot") return [SnapshotFrame.parse(frame)];
    return EventFrame.options.some(({ shape }) => shape.type.value === frame.type) ? [EventFrame.parse(frame)] : [];
  });
}

export const cases: readonly (readonly [string, Case])[] = caseNames.map((name) => [name, readCase(name)]);

/** Holds a view against the one of its case. */
export function expectView(name: string, view: NonNullable<Case["view"]>): void {
  const file = path.join(folder, `${name}.json`);
  const raw: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (isWriting) return writeJson(file, { ...z.looseObject({}).parse(raw), view });
  expect(view).toEqual(readCase(name).view);
}

/** Holds what a dialect said of a case against `frames/<dialect>/<case>.jsonl`: a line for each frame. */
export function expectFrames(dialect: string, name: string, frames: readonly unknown[]): void {
  const file = path.join(import.meta.dirname, "frames", dialect, `${name}.jsonl`);
  const text = frames.map((frame) => `${JSON.stringify(frame)}\n`).join("");
  if (isWriting) {
    mkdirSync(path.dirname(file), { recursive: true });
    return writeFileSync(file, text);
  }
  expect(existsSync(file), `${file}: write it with PARLEY_WRITE_CASES=1, and read it`).toBe(true);
  expect(text).toBe(readFileSync(file, "utf8"));
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
}
