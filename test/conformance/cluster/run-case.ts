import { expect } from "vitest";
import type { Case, Step } from "./case.ts";
import type { Answer, Connection } from "./connection.ts";

const POLL_MS = 250;

type Names = Record<string, string>;

/** Runs the steps of a case one after another; what a step keeps, the next ones know. */
export async function runCase(connection: Connection, { steps }: Case, names: Names): Promise<void> {
  const known = { ...names };
  for (const step of steps) {
    const filled = fill(step, known);
    const answer = await askUntil(connection, filled);
    const body = parsed(answer, step.isWatch === true);
    check(filled, answer, body);
    for (const [name, path] of Object.entries(step.keep ?? {})) known[name] = String(valueAt(body, path));
  }
}

/** Asks again while something else has to happen first. */
async function askUntil(connection: Connection, step: Step): Promise<Answer> {
  const deadline = performance.now() + (step.withinMs ?? 0);
  for (;;) {
    const answer = await connection.ask(step.as ?? "reader", withType(step));
    try {
      check(step, answer, parsed(answer, step.isWatch === true));
      return answer;
    } catch (error) {
      if (performance.now() > deadline) return answer;
      void error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function withType(step: Step): Step {
  return {
    ...step,
    type: step.type ?? (step.method === "PATCH" ? "application/merge-patch+json" : "application/json"),
  };
}

function check(step: Step, { status, text }: Answer, body: unknown): void {
  expect({ status, text: status === step.status ? "" : text.slice(0, 600) }).toEqual({ status: step.status, text: "" });
  if (step.has !== undefined) expect(body).toMatchObject(matcher(step.has) as object);
  for (const path of step.lacks ?? []) expect({ [path]: valueAt(body, path) }).toEqual({ [path]: undefined });
}

function parsed({ text }: Answer, isWatch: boolean): unknown {
  if (isWatch)
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as unknown);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function valueAt(body: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], body);
}

function fill<T>(value: T, names: Names): T {
  const text = JSON.stringify(value).replaceAll(/\{(\w+)\}/g, (whole, name: string) =>
    names[name] === undefined ? whole : JSON.stringify(names[name]).slice(1, -1),
  );
  return JSON.parse(text) as T;
}

/** Texts that begin with `~` become what they ask for. */
function matcher(value: unknown): unknown {
  if (typeof value === "string")
    return value.startsWith("~") ? expect.stringMatching(new RegExp(value.slice(1), "s")) : value;
  if (Array.isArray(value)) return value.map(matcher);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, matcher(entry)]));
}
