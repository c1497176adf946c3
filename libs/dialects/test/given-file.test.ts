import { ChatError } from "@parley/protocol";
import { describe, expect, test } from "vitest";
import {
  CompletionRequest,
  createTurnSteps,
  decodeChat,
  decodeCompletion,
  fileOfUrl,
  messageIn,
  messagesOfChat,
  ResponsesRequest,
} from "@parley/dialects";
import type { FilePart, StoredTurn } from "@parley/protocol";

const id = `file_u${"x".repeat(21)}`;
const png = Buffer.from([1, 2, 3]);
const dataUrl = `data:image/png;base64,${png.toString("base64")}`;
const given = { name: "file.png", mediaType: "image/png", bytes: png };

function refusal(url: string): string {
  try {
    fileOfUrl(url);
  } catch (error) {
    if (error instanceof ChatError) return error.code;
    throw error;
  }
  return "taken";
}

describe("an address of a file", () => {
  test("is one of ours, whatever server stands before it, or has the data in it", () => {
    expect(fileOfUrl(`/api/v1/files/${id}`)).toEqual({ file_id: id });
    expect(fileOfUrl(`https://chat.example/api/v1/files/${id}?inline=1`)).toEqual({ file_id: id });
    expect(fileOfUrl(dataUrl)).toEqual(given);
    expect(fileOfUrl("data:text/csv,a%2Cb", { name: "a.csv" })).toMatchObject({ name: "a.csv", mediaType: "text/csv" });
  });

  test.each([
    ["http://169.254.169.254/latest/meta-data/", "UNSUPPORTED"],
    ["https://example.org/a.png", "UNSUPPORTED"],
    ["file:///etc/passwd", "UNSUPPORTED"],
    [`https://example.org/api/v1/files/../../${id}`, "UNSUPPORTED"],
    ["", "UNSUPPORTED"],
    ["data:image/png;base64,###", "INVALID_FRAME"],
    ["data:text/plain,%E0%A4%A", "INVALID_FRAME"],
    ["data:,", "INVALID_FRAME"],
  ])("%s is refused: nothing is fetched", (url, code) => {
    expect(refusal(url)).toBe(code);
  });
});

describe("a message with files", () => {
  const chat = (parts: object[]) => decodeChat({ id: "c", messages: [{ id: "m", role: "user", parts }] });

  test("of the AI SDK", () => {
    const file = { type: "file", mediaType: "image/png", filename: "a.png", url: dataUrl };
    expect(chat([file, { type: "text", text: "What?" }])).toMatchObject({
      message: "What?",
      files: [{ ...given, name: "a.png" }],
    });
    expect(chat([file])).toMatchObject({ message: "" });
    expect(chat([{ type: "text", text: "What?" }])).not.toHaveProperty("files");
  });

  const completion = (messages: object[], isStateless: boolean) =>
    decodeCompletion(CompletionRequest.parse({ model: "m", messages }), { isStateless, isTask: false });
  const image = { type: "image_url", image_url: { url: dataUrl } };
  const text = { type: "text", text: "What?" };

  test("of Chat Completions: those of the newest message, and of earlier ones a word", () => {
    const kept = completion([{ role: "user", content: [text, image] }], false);
    expect(kept).toMatchObject({ message: "What?", files: [given] });
    const audio = { type: "input_audio", input_audio: { data: "AQID", format: "wav" } };
    const history = [
      { role: "user", content: [text, image] },
      { role: "assistant", content: "A dot." },
      { role: "user", content: [{ type: "text", text: "And?" }, audio, { type: "file", file: { file_id: id } }] },
    ];
    const whole = completion(history, true);
    expect(whole.files).toMatchObject([{ mediaType: "audio/wav" }, { file_id: id }]);
    expect(whole.given?.messages?.map(({ content }) => content)).toEqual([
      "What?\n[Files were attached here.]",
      "A dot.",
      "And?",
    ]);
  });

  test("of Responses", () => {
    const content = [
      { type: "input_text", text: "What?" },
      { type: "input_image", image_url: dataUrl },
      { type: "input_file", filename: "a.txt", file_data: "data:text/plain;base64,YQ==" },
    ];
    const asked = messageIn(ResponsesRequest.parse({ input: [{ role: "user", content }] }), undefined);
    expect(asked).toMatchObject({ message: "What?", files: [given, { name: "a.txt", bytes: Buffer.from("a") }] });
  });
});

describe("files for a client of the AI SDK", () => {
  const file: FilePart = { type: "file", file_id: id, name: "a.csv", media_type: "text/csv", bytes: 3 };
  const url = `/api/v1/files/${id}`;
  const call = { call_id: "t-0-0", tool_name: "report", arguments: {}, status: "completed", result: "Done." };
  const author = { role: "user" };
  const turn: StoredTurn = {
    ...{ turn_id: "t", seq: 1, asked: "m" },
    question: { message_id: "t-u", turn_id: "t", author, message: "", status: "complete", parts: [file], ts: 1 },
    answer: {
      ...{
        message_id: "t-a",
        turn_id: "t",
        author: { role: "assistant" },
        message: "Here.",
        status: "complete",
        ts: 2,
      },
      parts: [{ type: "tool_call", ...call, duration_ms: 1 }, file, { type: "text", text: "Here." }],
      tool_calls: [{ ...call, duration_ms: 1 }],
    },
  };

  test.each([5, 6, 7] as const)("stand in the history of major %s, asked and given back", (version) => {
    const [question, answer] = messagesOfChat(turn, "c", version);
    expect(question?.parts).toEqual([{ type: "file", mediaType: "text/csv", filename: "a.csv", url }]);
    expect(answer?.parts.map(({ type }) => type)).toEqual(["step-start", "dynamic-tool", "file", "step-start", "text"]);
    expect(answer?.parts[2]).toEqual({ type: "file", mediaType: "text/csv", url });
  });

  test("come with the end of their call", () => {
    const steps = createTurnSteps({ takesBack: "never" });
    const view = { turn_id: "t", attempt: 1, status: "running", author: undefined, message: undefined } as const;
    const { status: _status, result: _result, ...open } = call;
    const before = { ...view, outcome: undefined, parts: [{ type: "tool_call" as const, ...open }] };
    expect(steps.advance(before).map(({ type }) => type)).toEqual(["started", "called"]);
    const ended = { ...before, parts: [{ type: "tool_call" as const, ...call }, file] };
    expect(steps.advance(ended)).toEqual([{ type: "returned", at: 0, call: ended.parts[0], files: [file] }]);
  });
});
