import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  ClientFrame,
  ConversationEvent,
  DocumentAnswer,
  DocumentQuestion,
  ServerFrame,
  StoredEvent,
} from "@parley/protocol";
import { z } from "zod";
import { records } from "./stored-schemas.ts";

// In a rolling upgrade, and after a rollback, each side reads what the next minor version wrote: the same frames, events and records with
// fields it does not know, and types it does not know (`fixtures/v1-next`).
const fixtures = new URL("../fixtures/", import.meta.url);

function schemaOf(file: string): z.ZodType {
  if (file.startsWith("client-")) return ClientFrame;
  if (file.startsWith("event-")) return z.union([StoredEvent, ConversationEvent]);
  if (file.startsWith("server-")) return ServerFrame;
  if (file.startsWith("document-question-")) return DocumentQuestion;
  if (file.startsWith("document-answer-")) return DocumentAnswer;
  const schema = records[file];
  if (schema === undefined) throw new Error(`no schema reads ${file}`);
  return schema;
}

function namesIn(version: string): string[] {
  return readdirSync(new URL(`${version}/`, fixtures)).map((name) => name.replace(/\.json$/, ""));
}

function read(version: string, file: string): unknown {
  return JSON.parse(readFileSync(new URL(`${version}/${file}.json`, fixtures), "utf8"));
}

/** Objects that the client or the model made up: all that is in them is kept. */
function freeFormIn(file: string): ReadonlySet<string> {
  const hasMetadata = file === "client-message" || file === "turn-request" || file.startsWith("document-");
  const clientsOwn = hasMetadata ? ["metadata"] : [];
  // What a model is asked with as its caller wants it.
  const callersOwn = file === "turn-request" ? ["options", "tool_choice"] : [];
  // Whom an operator's action is about says the action.
  const operatorsOwn = file === "audit-entry" ? ["on"] : [];
  return new Set([
    "arguments",
    "parameters",
    "fields",
    "message_fields",
    "data",
    "content",
    ...clientsOwn,
    ...callersOwn,
    ...operatorsOwn,
  ]);
}

/** The same with a field that nobody knows in every object of ours. */
function withMore(value: unknown, freeForm: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((each) => withMore(each, freeForm));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]): [string, unknown] => [
    name,
    freeForm.has(name) ? inner : withMore(inner, freeForm),
  ]);
  return Object.fromEntries([...entries, ["since_next_minor", { note: "a field that this version does not know" }]]);
}

const known = namesIn("v1");
const unknown = namesIn("v1-next");

describe("what the next minor version writes", () => {
  test.each(known)("%s is read as before: fields that nobody knows are left out", (file) => {
    const today = read("v1", file);
    const next = withMore(today, freeFormIn(file));
    expect(next).not.toEqual(today);
    expect(schemaOf(file).parse(next)).toEqual(today);
  });

  test.each(unknown)("%s is of a type that this version does not know", (file) => {
    expect(known).not.toContain(file);
    expect(schemaOf(file).safeParse(read("v1-next", file)).success).toBe(false);
  });
});
