import { describe, expect, test } from "vitest";
import {
  ChatError,
  changedMessage,
  createView,
  decodeClientFrame,
  foldFrame,
  foldParts,
  limits,
  messageRecordsOf,
  messages,
  noParts,
  readTurnRecord,
  transcriptOfPost,
  turnOfRecord,
  type FilePart,
  type Part,
  type StoredEvent,
  type TurnRecord,
} from "@parley/protocol";

const fileOf = (n: number): FilePart => ({
  type: "file",
  file_id: `file_u${String(n).padStart(21, "0")}`,
  name: `file ${n}.csv`,
  media_type: "text/csv",
  bytes: n,
});
const [one, two] = [fileOf(1), fileOf(2)];
const place = { conversation_id: "c1", turn_id: "t1", ts: 7 };
const question = { ...place, type: "message", message_id: "t1-u", id: "m1", author: { role: "user" } } as const;

function read(frame: object) {
  return decodeClientFrame(JSON.stringify({ type: "message", id: "m1", ...frame }));
}

function refusal(frame: object): string {
  try {
    read(frame);
  } catch (error) {
    if (error instanceof ChatError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "none";
}

describe("a message with parts", () => {
  test("has the texts of its parts as its text", () => {
    const parts = [
      { type: "text", text: "Look at " },
      { type: "file", file_id: one.file_id },
      { type: "text", text: "this." },
    ];
    expect(read({ parts })).toMatchObject({ message: "Look at this.", parts });
    expect(read({ parts, message: "Look at this." })).toMatchObject({ message: "Look at this." });
    expect(read({ parts: [parts[1]], message: "Beside it" })).toMatchObject({ message: "Beside it" });
    expect(read({ parts: [parts[1]] })).toMatchObject({ message: "" });
  });

  test("is refused where it says two things, names no file of ours, or too many", () => {
    const file = { type: "file", file_id: one.file_id };
    expect(refusal({ message: "one", parts: [{ type: "text", text: "two" }] })).toContain("say different things");
    expect(refusal({ parts: [{ type: "file", file_id: "../../etc/passwd" }] })).toContain("INVALID_FRAME");
    expect(refusal({ parts: [{ type: "image", url: "http://127.0.0.1/" }] })).toContain("INVALID_FRAME");
    const many = Array.from({ length: limits.filesPerMessage + 1 }, (_, n) => ({
      ...file,
      file_id: fileOf(n).file_id,
    }));
    expect(refusal({ parts: many })).toContain(`more than ${limits.filesPerMessage} files`);
  });
});

describe("the files of a message", () => {
  test("are parts behind its text, and stay when that is changed while it waits", () => {
    const first = { ...question, message: "Look", files: [one, two], seq: 1 };
    let view = foldFrame(createView("c1"), first);
    expect(messages(view)[0]?.parts).toEqual([{ type: "text", text: "Look" }, one, two]);
    view = foldFrame(view, { ...first, message: "Look here", changed: 1, seq: 2 });
    expect(messages(view)[0]?.parts).toEqual([{ type: "text", text: "Look here" }, one, two]);
  });

  test("alone are all that it has", () => {
    const view = foldFrame(createView("c1"), { ...question, message: "", files: [one], seq: 1 });
    expect(messages(view)[0]?.parts).toEqual([one]);
  });

  test("stay when it is edited later, and go when it is deleted", () => {
    const view = foldFrame(createView("c1"), { ...question, message: "Look", files: [one], seq: 1 });
    const about = { conversation_id: "c1", ts: 8, message_id: "t1-u", by: { role: "user" } };
    const stands = { message_id: "t1-u", n: 1, message: "New", reactions: [] };
    const edited = foldFrame(view, { type: "message_edited", ...about, message: "New", stands, seq: 2 });
    expect(messages(edited)[0]?.parts).toEqual([{ type: "text", text: "New" }, one]);
    const gone = { message_id: "t1-u", n: 2, deleted_at: 9, reactions: [] };
    const deleted = foldFrame(edited, { type: "message_deleted", ...about, stands: gone, seq: 3 });
    expect(messages(deleted)[0]?.parts).toEqual([]);
    const stored = { ...question, message: "Look", status: "complete", parts: [{ type: "text", text: "Look" }, one] };
    const { type: _type, ...transcript } = stored;
    expect(changedMessage(transcript, stands).parts).toEqual([{ type: "text", text: "New" }, one]);
    expect(changedMessage(transcript, gone).parts).toEqual([]);
  });

  test("are told of a post", () => {
    const post = { ...place, message_id: "t1-u", id: "m1", author: { role: "user" }, message: "For you", after: null };
    const told = { type: "post" as const, ...post, files: [one], n: 1 };
    const parts = [{ type: "text", text: "For you" }, one];
    expect(messages(foldFrame(createView("c1"), { ...told, seq: 4 }))[0]?.parts).toEqual(parts);
    expect(transcriptOfPost(told).parts).toEqual(parts);
    const { files: _files, ...plain } = told;
    expect(transcriptOfPost(plain)).not.toHaveProperty("parts");
  });
});

describe("the files of a tool", () => {
  const started = (call: string): StoredEvent => ({
    ...{ type: "tool_call_start", ...place, attempt: 1, n: 3, call_id: call, tool_name: "make_report", arguments: {} },
  });
  const ended = (call: string, files: FilePart[] | undefined): StoredEvent => ({
    ...{ type: "tool_call_end", ...place, call_id: call, tool_name: "make_report", arguments: {} },
    ...{ status: "completed", result: "Done.", duration_ms: 4 },
    ...(files === undefined ? {} : { files }),
  });
  const token: StoredEvent = { type: "token", ...place, attempt: 1, n: 4, token: "Here." };
  const kinds = (parts: readonly Part[]): string[] =>
    parts.map((part) => ("file_id" in part ? String(part.name) : part.type));

  test("stand behind their call, once, wherever their end comes", () => {
    const events = [started("a"), started("b"), token, ended("b", [two]), ended("a", [one]), ended("a", [one])];
    const parts = events.reduce<readonly Part[]>(foldParts, noParts);
    expect(kinds(parts)).toEqual(["tool_call", "file 1.csv", "tool_call", "file 2.csv", "text"]);
    expect(parts.some((part) => part.type === "tool_call" && "files" in part)).toBe(false);
  });

  test("are bounded in number for all who fold", () => {
    const many = Array.from({ length: 40 }, (_, n) => fileOf(n));
    const parts = [started("a"), ended("a", many)].reduce<readonly Part[]>(foldParts, noParts);
    expect(parts).toHaveLength(33);
  });

  test("stay in both forms of a record", () => {
    const call = { call_id: "a", tool_name: "make_report", arguments: {}, status: "completed", result: "Done." };
    const record: Omit<TurnRecord, "prev"> = {
      ...{ v: 2, kind: "turn", conversation_id: "c1", turn_id: "t1" },
      question: { message_id: "t1-u", author: { role: "user" }, parts: [one], ts: 1, id: "m1" },
      answer: {
        ...{ message_id: "t1-a", author: { role: "assistant" }, ts: 2, status: "complete" },
        parts: [{ type: "tool_call", ...call, duration_ms: 4 }, two, { type: "text", text: "Here." }],
        usage: { input_tokens: 1, output_tokens: 1 },
      },
    };
    const turn = turnOfRecord(record, 1);
    expect(turn.question).toMatchObject({ message: "", parts: [one] });
    const stored = messageRecordsOf(record, turn).map((one) => readTurnRecord({ ...one, prev: 0 }));
    const again = stored.flatMap((one) => (one === undefined ? [] : [turnOfRecord(one, 1)]));
    expect(again[0]?.question?.parts).toEqual([one]);
    expect(again[1]?.answer?.parts).toEqual(record.answer.parts);
  });
});
