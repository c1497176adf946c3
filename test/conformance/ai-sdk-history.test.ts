import { describe, expect, it } from "vitest";
import {
  compared,
  endedCases,
  followed,
  loaded,
  plain,
  type Chunk,
  type Major,
  type Message,
} from "./ai-sdk-stored.ts";

/** A page that loads the messages of a chat has what one has that has followed its streams. */

/** What the client keeps of chunks: read in `processUIMessageStream` of the packages. */
function modelOf(major: Major, chunks: readonly Chunk[]): Message {
  const parts: Chunk[] = [];
  const message: Record<string, unknown> = { role: "assistant" };
  const open = new Map<string, Chunk>();
  const grow = (chunk: Chunk): void => {
    const [kind = "", what] = chunk.type.split("-");
    const key = `${kind}:${String(chunk["id"])}`;
    const part = open.get(key) ?? { type: kind, text: "", state: "streaming" };
    if (what === "start") {
      parts.push(part);
      open.set(key, part);
      if (kind === "reasoning") part["id"] = chunk["id"];
    } else if (what === "delta") part["text"] = String(part["text"]) + String(chunk["delta"]);
    else {
      part["state"] = "done";
      open.delete(key);
    }
  };
  const tool = ({ type, toolCallId, toolName, input, output, errorText, toolMetadata, preliminary }: Chunk): void => {
    const state = type.replace("tool-", "");
    const known = parts.find((part) => part["toolCallId"] === toolCallId);
    const part = known ?? { type: "dynamic-tool", toolCallId, toolName, input };
    if (known === undefined) parts.push(part);
    Object.assign(part, { state }, state === "output-denied" ? {} : { output, errorText, preliminary });
    if (toolMetadata !== undefined && major !== 5) part["toolMetadata"] = toolMetadata;
  };
  for (const chunk of chunks) {
    const { type, messageId, messageMetadata, transient } = chunk;
    if (messageId !== undefined) message["id"] = messageId;
    if (messageMetadata !== undefined) message["metadata"] = Object.assign({}, message["metadata"], messageMetadata);
    if (/^(text|reasoning)-/.test(type)) grow(chunk);
    else if (type.startsWith("tool-")) tool(chunk);
    else if (type === "start-step") parts.push({ type: "step-start" });
    else if (type === "file" || type.startsWith("source-")) parts.push(chunk);
    else if (type.startsWith("data-") && transient !== true) {
      const known = parts.find((part) => part.type === type && chunk["id"] !== undefined && part["id"] === chunk["id"]);
      if (known === undefined) parts.push(chunk);
      else known["data"] = chunk["data"];
    }
  }
  return plain({ ...message, parts });
}

describe.each([5, 6, 7] as const)("messages that are loaded, for %i", (major) => {
  it.each(followed(major))("are what a client makes of a $how stream: $name", ({ stored, chunks, isLive }) => {
    const [, answer] = loaded(stored, major);
    expect(answer && compared(answer, isLive)).toEqual(compared(modelOf(major, chunks), isLive));
  });

  it.each(endedCases)("have the question first, under its client's id: $name", ({ stored }) => {
    expect(loaded(stored, major)[0]).toEqual({ id: "m1", role: "user", parts: [{ type: "text", text: "why?" }] });
  });

  it("leave nobody a question that was not answered when the answer was stopped", () => {
    const approval = { summary: "Delete it?" };
    const call = { type: "tool_call", call_id: "t-0-0", tool_name: "delete", arguments: {}, approval } as const;
    const message = { message_id: "t-a", turn_id: "t", author: { role: "assistant" as const }, message: "", ts: 1 };
    const answer = { ...message, status: "cancelled", parts: [call] };
    expect(loaded({ turn_id: "t", seq: 1, answer }, major)[0]?.parts[1]).toMatchObject({ state: "input-available" });
  });
});

it.each([6, 7] as const)("a call on which a person has decided says how, for %i", (major) => {
  const said = endedCases.filter(({ name }) => /^approval-(denied|granted)$/.test(name));
  const calls = said.flatMap(({ stored }) =>
    loaded(stored, major)[1]?.parts.find(({ type }) => type === "dynamic-tool"),
  );
  expect(calls).toMatchObject([
    { state: "output-denied", approval: { id: "t_case-0-0", approved: false } },
    { state: "output-available", approval: { id: "t_case-0-0", approved: true } },
  ]);
});
