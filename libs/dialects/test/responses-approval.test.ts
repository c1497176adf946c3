import { createTurnView, type Outcome, type Part, type TurnView } from "@parley/protocol";
import { describe, expect, test } from "vitest";
import { callOfRequest, placeOfItem, placeOfResponse, responseIdOf } from "../src/responses/addresses.ts";
import { responseOf } from "../src/responses/dialect.ts";
import { about, folded, place, streamOf, type Event } from "./responses-client.ts";

const [t0, t1] = ["t0-0-0", "t0-1-0"];
const text = (said: string): Part => ({ type: "text", text: said });
const call = (call_id: string): Part => ({ type: "tool_call", call_id, tool_name: "set", arguments: { to: 42 } });
const asked = (call_id: string, more: object = {}): Part => ({
  ...call(call_id),
  approval: { summary: "Set it?", expires_at: 90_000, ...more },
});
const done = (call_id: string, more: object = {}): Part => ({
  ...call(call_id),
  status: "completed",
  result: "42",
  ...more,
});
const usage = { input_tokens: 3, output_tokens: 4 };
const ended = { message_id: "t0-a", response: "", tool_calls: [], usage };
const complete: Outcome = { type: "complete", ...ended, metadata: { agent: "ops" } };
const cancelled: Outcome = { type: "cancelled", ...ended, reason: "asked" };

function view(parts: Part[], more: Partial<TurnView> = {}): TurnView {
  return { ...createTurnView("t0"), status: "running", parts, ...more };
}
const waiting = { status: "waiting" } as const;
const over = (outcome: Outcome) => ({ status: outcome.type, outcome }) as const;

const outputOf = (events: readonly Event[]) => folded(events).final?.output ?? [];
const typesOf = (events: readonly Event[]) => outputOf(events).map(({ type, status }) => `${type}:${status ?? ""}`);

describe("a response in which people are asked", () => {
  const asks = [text("I set it."), asked(t0)];
  const granted = { approval: { summary: "Set it?", expires_at: 90_000, approved: true } };
  const goesOn = [text("I set it."), done(t0, granted), text("Done.")];

  test("ends with the request, and is complete", () => {
    const { events, isDone } = streamOf([view([text("I")]), view(asks), view(asks, waiting)]);
    expect(isDone).toBe(true);
    expect(typesOf(events)).toEqual(["message:completed", "mcp_approval_request:"]);
    expect(folded(events).final?.status).toBe("completed");
    const request = outputOf(events).at(-1);
    expect(request).toMatchObject({
      name: "set",
      arguments: '{"to":42}',
      approval: { summary: "Set it?", expires_at: 90 },
    });
    expect(callOfRequest(request?.id ?? "")).toEqual({ call: t0, place: { ...place, segment: 0 } });
  });

  test("is the same when the turn has gone on, or is over", () => {
    const before = streamOf([view(asks, waiting)]).events;
    for (const later of [view(goesOn), view(goesOn, over(complete))]) expect(streamOf([later]).events).toEqual(before);
  });

  test("does not end before all calls of its step are known", () => {
    const both = [asked(t0), call("t0-0-1")];
    expect(streamOf([view(both)]).isDone).toBe(false);
    const { events } = streamOf([view([asked(t0), asked("t0-0-1")], waiting)]);
    expect(typesOf(events).filter((type) => type.startsWith("mcp_approval"))).toHaveLength(2);
  });

  test("is followed by one with the rest of the turn", () => {
    const next = { ...about, segment: 1 };
    const views = [view(asks, waiting), view(asks), view(goesOn), view(goesOn, over(complete))];
    const { events, isDone } = streamOf(views, next);
    expect(isDone).toBe(true);
    expect(typesOf(events)).toEqual(["mcp_call:completed", "message:completed"]);
    const [result] = outputOf(events);
    expect(result).toMatchObject({ output: "42" });
    expect(callOfRequest(String(result?.["approval_request_id"]))?.call).toBe(t0);
    expect(folded(events).final?.usage).toMatchObject({ total_tokens: 7 });
    // The same from what is stored.
    expect(streamOf([view(goesOn, over(complete))], next).events).toEqual(events);
  });

  test("may ask again in the next one", () => {
    const again = [...goesOn, asked(t1)];
    const { events } = streamOf([view(again, waiting)], { ...about, segment: 1 });
    expect(typesOf(events).slice(-2)).toEqual(["message:completed", "mcp_approval_request:"]);
  });

  test("leaves the end to the next one where the turn is stopped meanwhile", () => {
    const stopped = view([text("I set it."), asked(t0)], over(cancelled));
    expect(folded(streamOf([stopped]).events).final?.status).toBe("completed");
    const { events } = streamOf([stopped], { ...about, segment: 1 });
    expect(folded(events).final?.status).toBe("cancelled");
    expect(typesOf(events)).toEqual(["mcp_call:incomplete"]);
  });

  test("stands as it is asked for", () => {
    const status = (turn: TurnView, segment: number) => responseOf(turn, { ...about, segment }, place);
    expect(status(view(asks, waiting), 0)).toMatchObject({ status: "completed" });
    expect(status(view(asks, waiting), 1)).toMatchObject({ status: "in_progress" });
    expect(status(view(asks, waiting), 2)).toBeUndefined();
    expect(status(view(goesOn, over(complete)), 1)).toMatchObject({ status: "completed", model: "ops" });
    expect(status(view(goesOn, over(complete)), 2)).toBeUndefined();
    expect(status(view([], { status: "queued" }), 0)).toMatchObject({ status: "queued", output: [] });
    expect(status(view([]), 1)).toBeUndefined();
  });
});

describe("calls that run at the same time", () => {
  test("are told one after another", () => {
    const second = "t0-0-1";
    const { events } = streamOf([
      view([call(t0), call(second)]),
      view([call(t0), done(second)]),
      view([done(t0), done(second)]),
      view([done(t0), done(second)], over(complete)),
    ]);
    expect(typesOf(events)).toEqual(["mcp_call:completed", "mcp_call:completed"]);
    const starts = events.filter(({ type }) => type === "response.output_item.added");
    expect(starts.map(({ output_index }) => output_index)).toEqual([0, 1]);
    expect(streamOf([view([done(t0), done(second)], over(complete))]).events).toEqual(events);
  });
});

describe("an answer that begins anew", () => {
  const before = [text("Hello there, wor")];
  const final = (parts: Part[]) => view(parts, over(complete));

  test("goes on in silence where it says the same", () => {
    const { events } = streamOf([view(before), view([]), view([text("Hello")]), final([text("Hello there, world")])]);
    expect(events).toEqual(streamOf([final([text("Hello there, world")])]).events);
  });

  test("closes what was said as incomplete, and the end lists what counts", () => {
    const { events } = streamOf([view(before), view([]), final([text("Good day")])]);
    const closed = events.filter(({ type }) => type === "response.output_item.done").map(({ item }) => item?.status);
    expect(closed).toEqual(["incomplete", "completed"]);
    expect(outputOf(events).map(({ content }) => content?.[0]?.text)).toEqual(["Good day"]);
  });
});

describe("what sources an answer has", () => {
  test("stands at the text behind them", () => {
    const source: Part = { type: "source", title: "Pods", file: "pods.md" };
    const { events } = streamOf([view([source, text("Pods run.")], over(complete))]);
    const [annotation] = events.filter(({ type }) => type === "response.output_text.annotation.added");
    const cited = { type: "file_citation", file_id: "pods.md", filename: "Pods", index: 0 };
    expect(annotation).toMatchObject({ annotation: cited, annotation_index: 0 });
    expect(outputOf(events)[0]?.content?.[0]).toMatchObject({ annotations: [cited] });
  });
});

describe("a name", () => {
  const one = { conversation_id: "c_A-b_1", turn_id: "tT-_9", segment: 2 };

  test("says where its response is", () => {
    expect(placeOfResponse(responseIdOf(one))).toEqual(one);
    const { events } = streamOf([view([text("x")], over(complete))]);
    expect(placeOfItem(outputOf(events)[0]?.id ?? "")).toEqual({ ...place, segment: 0 });
  });

  const token = (inside: string) => Buffer.from(inside).toString("base64url");
  test.each([
    ["nothing", ""],
    ["a prefix", "resp_"],
    ["of another service", "resp_68e1f0c2a7b08190"],
    ["with a wildcard", `resp_${token("0.t.c.>")}`],
    ["with another character", `resp_${token("0.t*.c")}`],
    ["with a number written otherwise", `resp_${token("01.t.c")}`],
    ["with a large number", `resp_${token("1000.t.c")}`],
    ["written otherwise", `${responseIdOf(one)}=`],
    ["of an item", `msg_${token("0.t.c")}`],
    ["with a long part", `resp_${token(`0.${"t".repeat(65)}.c`)}`],
    ["of any length", `resp_${"A".repeat(10_000)}`],
  ])("that is none of ours is no place: %s", (_what, id) => {
    expect(placeOfResponse(id)).toBeUndefined();
  });
});
