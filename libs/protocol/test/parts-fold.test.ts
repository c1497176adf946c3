import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  Part,
  decodeEvent,
  foldParts,
  noParts,
  textOf,
  unreadableEvent,
  type Parts,
  type ReadEvent,
  type StoredEvent,
} from "@parley/protocol";
import { history } from "./histories.ts";

const common = { conversation_id: "c", turn_id: "t", ts: 0 };
const chained = { ...common, attempt: 1, n: 0 };
const call = (n: number) => ({ call_id: `t-0-${n}`, tool_name: "look", arguments: {} });
const done = (n: number) => ({ ...call(n), status: "completed", result: "ok", duration_ms: 1 });
const usage = { input_tokens: 1, output_tokens: 1 };
const stored = { message_id: "t-a", tool_calls: [], usage };

const token = (text: string): StoredEvent => ({ type: "token", ...chained, token: text });
const thought = (text: string): StoredEvent => ({ type: "reasoning", ...chained, token: text });
const start = (n: number): StoredEvent => ({ type: "tool_call_start", ...chained, ...call(n) });
const end = (n: number): StoredEvent => ({ type: "tool_call_end", ...common, ...done(n) });
const found = (...titles: readonly string[]): StoredEvent => {
  return { type: "progress", ...chained, step: "rag", message: "", sources: titles.map((title) => ({ title })) };
};
const restart = (text: string): StoredEvent => ({ type: "turn_restarted", ...chained, text });
const complete = (response: string, calls: ReturnType<typeof done>[] = []): StoredEvent => {
  return { type: "complete", ...chained, ...stored, response, tool_calls: calls, metadata: {} };
};

/** `text`, `(reasoning)`, `#2` for a call, `#2+` for a finished one, `[source]`, `<type>` for others. */
function shorthand(parts: Parts): string {
  return parts
    .map((part) => {
      if (part.type === "tool_call") return `#${String(part["call_id"]).at(-1)}${"status" in part ? "+" : ""}`;
      if (part.type === "source") return `[${String(part["title"])}]`;
      if (part.type === "text") return String(part["text"]);
      return part.type === "reasoning" ? `(${String(part["text"])})` : `<${part.type}>`;
    })
    .join(" | ");
}

const fold = (events: readonly ReadEvent[], from: Parts = noParts): Parts => events.reduce(foldParts, from);

describe("parts", () => {
  test.each([
    ["tokens join", [token("a"), token("b")], "ab"],
    ["text after a call is another part", [token("a"), start(1), token("b")], "a | #1 | b"],
    ["reasoning is a part of its own", [thought("h"), thought("m"), token("a"), thought("?")], "(hm) | a | (?)"],
    ["a result stands where its call began", [start(1), start(2), token("a"), end(1)], "#1+ | #2 | a"],
    ["a result whose start was never seen opens a part", [token("a"), end(1), start(1)], "a | #1+"],
    ["passages come once, in their order", [found("x", "y", "x"), found("y", "z")], "[x] | [y] | [z]"],
    ["nothing comes of an empty token", [token(""), thought(""), start(1), token("")], "#1"],
    ["a restart cuts the text", [token("abc"), restart("a")], "a"],
    [
      "a restart cuts in the part in which its text ends",
      [token("ab"), end(1), token("cd"), restart("abc")],
      "ab | #1+ | c",
    ],
    ["a restart with nothing takes all text", [token("ab"), end(1), token("c"), restart("")], "#1+"],
    ["a restart takes what was thought since", [token("a"), thought("hm"), restart("a")], "a"],
    [
      "a restart keeps what was thought before a call",
      [thought("hm"), end(1), thought("so"), token("a"), restart("")],
      "(hm) | #1+",
    ],
    [
      "a restart keeps passages and calls",
      [found("x"), token("ab"), end(1), thought("hm"), restart("a")],
      "[x] | a | #1+",
    ],
    [
      "another text stands before the calls",
      [found("x"), token("ab"), end(1), token("c"), restart("x")],
      "[x] | x | #1+",
    ],
    ["a restart without the text before a call takes the call", [token("ab"), start(1), restart("")], ""],
    [
      "a restart behind a call keeps it, whether it has a result or not",
      [token("ab"), start(1), token("c"), restart("ab")],
      "ab | #1",
    ],
    [
      "of calls behind text that is gone those with a result stay",
      [token("ab"), end(1), token("c"), start(2), restart("a"), token("d"), start(2)],
      "a | #1+ | d | #2",
    ],
    ["another text without calls stands last", [thought("hm"), token("ab"), restart("x")], "x"],
    ["a restart with more goes on", [token("ab"), end(1), restart("abc")], "ab | #1+ | c"],
    [
      "an end changes nothing of what is there",
      [token("a"), end(1), thought("hm"), token("b"), complete("ab")],
      "a | #1+ | (hm) | b",
    ],
    ["an end has the last word on the text", [token("a"), end(1), token("b"), complete("x")], "x | #1+"],
    ["an end keeps what was thought", [thought("hm"), token("ab"), thought("?"), complete("a")], "(hm) | a | (?)"],
    [
      "an end adds the calls that were missed",
      [start(1), token("a"), complete("a", [done(1), done(2)])],
      "#1+ | a | #2+",
    ],
  ] satisfies [string, StoredEvent[], string][])("%s", (_what, events, expected) => {
    expect(shorthand(fold(events))).toBe(expected);
  });

  const unknown = decodeEvent(Buffer.from(JSON.stringify({ type: "suggestions", ...chained, list: ["a"] })));

  test.each([
    ["an event that only a newer version knows", unknown],
    ["one that cannot be read", unreadableEvent],
    ["progress without passages", { type: "progress", ...chained, step: "generating", message: "" }],
    ["passages that are there", found("x")],
    ["the start of a call that is there", start(1)],
    ["a restart that takes nothing", restart("a")],
    ["the end, if nothing was missed", complete("a", [done(1)])],
  ] satisfies [string, ReadEvent][])("are the same list after %s", (_what, event) => {
    const parts = fold([found("x"), token("a"), end(1)]);
    expect(foldParts(parts, event)).toBe(parts);
  });

  test("have of a call what the end of the turn has room for, as the transcript", () => {
    const short = { ...done(1), result: "r…", truncated: true };
    const parts = fold([start(1), end(1), start(2), end(2)]);
    const ended = foldParts(parts, complete("", [short, done(2)]));
    expect(ended).toEqual([{ type: "tool_call", ...short }, parts[1]]);
    expect(ended[1]).toBe(parts[1]);
  });

  test("keep all that the end of a call says", () => {
    const result = { ...done(1), truncated: true, result_bytes: 70_000, result_id: "t-0-1" };
    expect(fold([{ type: "tool_call_end", ...common, ...result }])).toEqual([{ type: "tool_call", ...result }]);
  });

  const anyPart = fc.oneof(
    fc.string({ maxLength: 3 }).map((text) => ({ type: "text", text })),
    fc.string({ maxLength: 3 }).map((text) => ({ type: "reasoning", text })),
    fc.nat(2).map((n) => ({ type: "tool_call", ...call(n) })),
    fc.nat(2).map((n) => ({ type: "source", title: `p${n}`, url: "https://example.org" })),
    fc.nat(2).map((n) => ({ type: "chart", points: [n] })),
    fc.nat(2).map((n) => ({ type: "data", name: "n", data: n })),
  );
  const turnEvents = history.map((events) => events.flatMap(({ event }) => (event.turn_id === "t0" ? [event] : [])));

  test("that were passed on as a snapshot at any place come to the same, also with parts of newer versions", () => {
    fc.assert(
      fc.property(fc.array(anyPart, { maxLength: 6 }), turnEvents, fc.nat(40), (first, events, cut) => {
        const read = (parts: unknown): Parts => Part.array().parse(JSON.parse(JSON.stringify(parts)));
        const halfway = fold([...events.slice(0, cut), unknown], read(first));
        expect(fold(events.slice(cut), read(halfway))).toEqual(fold(events, read(first)));
      }),
      { numRuns: 500 },
    );
  });

  test("have the text that a plain fold of the same events has", () => {
    fc.assert(
      fc.property(turnEvents, (events) => {
        let text = "";
        for (const event of events) {
          if (event.type === "token") text += event.token;
          if (event.type === "turn_restarted") text = event.text;
          if ("response" in event) text = event.response;
        }
        expect(textOf(fold(events))).toBe(text);
      }),
    );
  });
});
