import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import * as protocol from "@parley/protocol";
import {
  ClientFrame,
  ConnectionFrame,
  ConversationEvent,
  ConversationEventFrame,
  DocumentAnswer,
  DocumentQuestion,
  EventFrame,
  FrameError,
  ServerFrame,
  StoredEvent,
  decodeClientFrame,
  decodeEvent,
  encodeEvent,
  encodeJson,
  isVisible,
  typeOfStored,
  withSeq,
} from "@parley/protocol";
import { records as common } from "./stored-schemas.ts";

// The files are the protocol as other languages and older versions see it: a change that breaks one of these tests breaks a peer.
const fixtures = new URL("../fixtures/v1/", import.meta.url);

function fileNamed(prefix: string, type: string): string {
  return `${prefix}-${type.replaceAll("_", "-")}`;
}
function fileOf(prefix: string, schema: z.ZodObject<{ type: z.ZodLiteral<string> }>): string {
  return fileNamed(prefix, schema.shape.type.value);
}

const clientFrames = ClientFrame.options.map((schema) => fileOf("client", schema));
const storedEvents = StoredEvent.options.map((schema) => fileOf("event", schema));
const eventFrames = EventFrame.options.map((schema) => fileOf("server", schema));
// The type `error` is also an event; the one that answers a frame has a file of its own.
const connectionFrames = ConnectionFrame.options.map((schema) =>
  schema === FrameError ? "server-frame-error" : fileOf("server", schema),
);
const conversationEvents = ConversationEvent.options.map((schema) => fileOf("event", schema));
const conversationFrames = ConversationEventFrame.options.map((schema) => fileOf("server", schema));
const records: Record<string, z.ZodType> = {
  ...common,
  ...Object.fromEntries(
    DocumentQuestion.options.map((schema) => [`document-question-${schema.shape.kind.value}`, schema]),
  ),
  ...Object.fromEntries(DocumentAnswer.options.map((schema) => [`document-answer-${schema.shape.kind.value}`, schema])),
};
const all = [
  ...clientFrames,
  ...storedEvents,
  ...conversationEvents,
  ...eventFrames,
  ...conversationFrames,
  ...connectionFrames,
  ...Object.keys(records),
];

/** The file as it goes over the wire: without the white space that makes it readable. */
function wireText(file: string): string {
  return JSON.stringify(JSON.parse(readFileSync(new URL(`${file}.json`, fixtures), "utf8")));
}
function wireBytes(file: string): Uint8Array {
  return new TextEncoder().encode(wireText(file));
}
function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

describe("golden files", () => {
  test("exist for every frame, event and record, and for nothing else", () => {
    const present = readdirSync(fixtures).map((name) => name.replace(/\.json$/, ""));
    expect(present.toSorted()).toEqual(all.toSorted());
  });

  test("cover every exported schema that travels on its own", () => {
    // Schemas that only occur inside others, or as a union of those above.
    const inner = [
      ...[
        "ActionPattern",
        "AddressRules",
        "AgentChoice",
        "AnswerMetadata",
        "AnyErrorCode",
        "ApprovalDecision",
        "ApprovalForm",
        "ApprovalPreview",
        "ApprovalRequest",
        "ApprovalState",
        "Author",
        "CallerRights",
        "Handover",
        "Notice",
        "NoticeDevice",
        ...["AnswerRule", "Invite", "InviteId", "Member", "MemberChange", "MemberRole", "MessageChanges", "Person"],
        ...[
          "PresentAgent",
          "UsagePeriod",
          "Reaction",
          "ReactionCount",
          "ReadMark",
          "Room",
          "RoomAgent",
          "StoredInvite",
        ],
        "CallId",
        "CollectionName",
        "ChainEvent",
        "ClientFrame",
        "ConnectionFrame",
        "ConversationEvent",
        "ConversationEventFrame",
        "ConversationId",
        "Cost",
        "Decider",
        "DocumentAnswer",
        "DocumentQuestion",
        "DocumentVersion",
        "FoundPassageAnswer",
        "ReadPassage",
        "StoredDocument",
      ],
      ...[
        "Erasure",
        "ErasureCounts",
        "ErrorCode",
        "HeldThing",
        "Retention",
        "DataPart",
        "EventFrame",
        "Fact",
        "Feedback",
        "FeedbackEntry",
        "FileId",
        "FileInfo",
        "FilePart",
        "FileReference",
        "FileScan",
        "FinishedToolCall",
        "FormContent",
        "FormField",
        "KnowledgeEntry",
        "KnownPart",
        "Limits",
        "LimitsFile",
        "MemoryFact",
        "MemoryFactId",
        "MessageId",
        "ModelChoice",
        "OnBusy",
        "Outcome",
        "OnBehalfOf",
        "Part",
        "PartPlace",
        "ProviderCall",
        "Quotas",
        "Rating",
        "ReadEvent",
        "ReasoningPart",
        "RecordLink",
        "RightsByRole",
        "RoleRights",
        "SaidParts",
        "ServerFrame",
        "Simulated",
        "Source",
        "SourcePart",
        "StepCall",
        "StoredEvent",
        "TextPart",
        "ToolCallPart",
      ],
      ...[
        "ToolArguments",
        "ToolCall",
        "ToolCallState",
        "ToolStatus",
        "TranscriptMessage",
        "TurnId",
        "Usage",
        "User",
        "WaitingTurn",
        "WrappedKey",
      ],
    ];
    const covered: unknown[] = [
      ...ClientFrame.options,
      ...StoredEvent.options,
      ...ConversationEvent.options,
      ...ConnectionFrame.options,
      ...Object.values(records),
    ];
    const uncovered = Object.entries(protocol)
      .filter(([, value]) => typeof value === "object" && "safeParse" in value && !covered.includes(value))
      .map(([name]) => name);
    expect(uncovered.toSorted()).toEqual(inner.toSorted());
  });

  test.each(clientFrames)("%s decodes and encodes to the same bytes", (file) => {
    const text = wireText(file);
    expect(JSON.stringify(decodeClientFrame(text))).toBe(text);
  });

  test.each(storedEvents)("%s decodes and encodes to the same bytes, type first", (file) => {
    const bytes = wireBytes(file);
    const encoded = encodeEvent(StoredEvent.parse(decodeEvent(bytes)));
    expect(textOf(encoded)).toBe(textOf(bytes));
    expect(fileNamed("event", typeOfStored(encoded))).toBe(file);
  });

  test.each(conversationEvents)("%s decodes and encodes to the same bytes, type first", (file) => {
    const bytes = wireBytes(file);
    const encoded = encodeEvent(ConversationEvent.parse(decodeEvent(bytes)));
    expect(textOf(encoded)).toBe(textOf(bytes));
    expect(fileNamed("event", typeOfStored(encoded))).toBe(file);
  });

  test.each(conversationFrames)("%s is its stored event with seq spliced in", (file) => {
    const frame = ConversationEventFrame.parse(JSON.parse(wireText(file)));
    expect(isVisible(frame.type)).toBe(true);
    expect(textOf(withSeq(frame.seq, wireBytes(file.replace("server", "event"))))).toBe(wireText(file));
  });

  test.each(eventFrames)("%s is its stored event with seq spliced in", (file) => {
    const frame = EventFrame.parse(JSON.parse(wireText(file)));
    const stored = wireBytes(file.replace("server", "event"));
    expect(isVisible(frame.type)).toBe(true);
    expect(textOf(withSeq(frame.seq, stored))).toBe(wireText(file));
    expect(frame).toEqual(JSON.parse(wireText(file)));
  });

  test.each(connectionFrames)("%s decodes and encodes to the same bytes", (file) => {
    const text = wireText(file);
    expect(JSON.stringify(ConnectionFrame.parse(JSON.parse(text)))).toBe(text);
  });

  test.each([...eventFrames, ...conversationFrames, ...connectionFrames])(
    "%s is read whole as a server frame",
    (file) => {
      expect(ServerFrame.parse(JSON.parse(wireText(file)))).toEqual(JSON.parse(wireText(file)));
    },
  );

  test.each(Object.entries(records))("%s decodes and encodes to the same bytes", (file, schema) => {
    const text = wireText(file);
    expect(textOf(encodeJson(Object(schema.parse(JSON.parse(text)))))).toBe(text);
  });

  test("events that viewers never see have no server frame", () => {
    const hidden = StoredEvent.options.filter((schema) => !isVisible(schema.shape.type.value));
    expect(hidden.map((schema) => fileOf("server", schema)).filter((file) => all.includes(file))).toEqual([]);
  });
});
