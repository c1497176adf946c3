import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  AuditEntry,
  ChangesRecord,
  ClientFrame,
  ConversationEvent,
  DocumentAnswer,
  DocumentList,
  DocumentQuestion,
  EdgeSignal,
  Fact,
  FileCare,
  FileLink,
  FileFrame,
  FileRecord,
  FileSet,
  FileSum,
  FeedbackRecord,
  HandoverRecord,
  LogRecord,
  KeyRecord,
  MemoryRecord,
  ErasureRecord,
  HoldRecord,
  LeaseRecord,
  SweepRecord,
  NoticeJob,
  NoticeRecord,
  OwnerRecord,
  PeopleRecord,
  PostRecord,
  ReadRecord,
  RevocationRecord,
  ServerFrame,
  StoredEvent,
  SummaryRecord,
  TextFact,
  TitleRecord,
  ToolDefinition,
  ToolJob,
  TurnRecord,
  TurnRequest,
  UsageRecord,
} from "@parley/protocol";
import { z } from "zod";

// In a rolling upgrade, and after a rollback, each side reads what the next minor version wrote: the same frames, events and records with
// fields it does not know, and types it does not know (`fixtures/v1-next`).
const fixtures = new URL("../fixtures/", import.meta.url);

const records: Record<string, z.ZodType> = {
  "turn-request": TurnRequest,
  "tool-job": ToolJob,
  "log-record": LogRecord,
  "turn-record": TurnRecord,
  "owner-record": OwnerRecord,
  "revocation-record": RevocationRecord,
  "title-record": TitleRecord,
  "handover-record": HandoverRecord,
  "people-record": PeopleRecord,
  "post-record": PostRecord,
  "changes-record": ChangesRecord,
  "read-record": ReadRecord,
  "edge-signal": EdgeSignal,
  "notice-job": NoticeJob,
  "feedback-record": FeedbackRecord,
  "usage-record": UsageRecord,
  "summary-record": SummaryRecord,
  "key-record": KeyRecord,
  "key-record-erased": KeyRecord,
  "memory-record": MemoryRecord,
  "hold-record": HoldRecord,
  "erasure-record": ErasureRecord,
  "lease-record": LeaseRecord,
  "sweep-record": SweepRecord,
  "notice-record": NoticeRecord,
  "file-frame": FileFrame,
  "file-record": FileRecord,
  "file-set": FileSet,
  "file-sum": FileSum,
  "file-link": FileLink,
  "file-care": FileCare,
  "audit-entry": AuditEntry,
  "fact-text": TextFact,
  "fact-said-post": Fact.options[0],
  "tool-definition": ToolDefinition,
  "document-list": DocumentList,
  ...Object.fromEntries(Fact.options.map((schema) => [`fact-${schema.shape.kind.value}`, schema])),
};

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
