import { createTurnView, foldEvent, type StoredEvent } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { createDialectA } from "../src/seed-a/dialect.ts";
import { createDialectC } from "../src/seed-c/dialect.ts";
import { ask } from "./asking.ts";

const common = { conversation_id: "c", turn_id: "t", ts: 1 };
const call = { call_id: "k1", tool_name: "scale", arguments: { replicas: 3 } };
const start: StoredEvent = { type: "tool_call_start", ...common, attempt: 1, n: 0, ...call };
const asked = { summary: "Scales it to 3.", expires_at: 99, confirm: "prod" };
const required: StoredEvent = { type: "approval_required", ...common, ...call, ...asked };
const waiting: StoredEvent = { type: "waiting", ...common, attempt: 1, n: 1, for: "approval", until: 99 };
const said = { approved: true, by: { id: "ann" } };
const decided: StoredEvent = { type: "approval_decided", ...common, call_id: "k1", ...said };
const result = { status: "completed" as const, result: "Scaled.", duration_ms: 5 };
const end: StoredEvent = { type: "tool_call_end", ...common, ...call, ...result };

function viewOf(...events: readonly StoredEvent[]) {
  return events.reduce(foldEvent, createTurnView("t"));
}

const thinking = {
  type: "thinking",
  data: { message: "Waits for agreement: Scales it to 3.", conversation_id: "uuid" },
};

describe("dialect A", () => {
  const begin = () => ask(createDialectA({ isAnonymous: false }), { message: "hello", conversation_id: "uuid" });

  it("says what is waited for, and the call's end when there is one", async () => {
    const { show } = await begin();
    expect([start, required, waiting, decided, end].map((event) => show(event).map(({ type }) => type))).toEqual([
      ["tool_call_start"],
      ["thinking"],
      [],
      [],
      ["tool_call_end"],
    ]);
    const { show: again } = await begin();
    expect(again(required)).toEqual([thinking]);
  });

  it("says it once to who was slow", async () => {
    const { turn, showSnapshot } = await begin();
    const view = { ...viewOf(start, required, waiting), turn_id: turn };
    expect(showSnapshot(view)).toMatchObject([{ type: "tool_call_start" }, thinking]);
    expect(showSnapshot(view)).toEqual([]);
    const ended = { ...viewOf(start, required, waiting, decided, end), turn_id: turn };
    expect(showSnapshot(ended)).toMatchObject([{ type: "tool_call_end", data: { result: "Scaled." } }]);
  });
});

describe("dialect C", () => {
  const begin = () => ask(createDialectC({ isOwn: () => Promise.resolve(false) }), { type: "message", message: "hi" });

  it("passes on what is asked, that it is waited for, and what was decided", async () => {
    const { show } = await begin();
    expect(show(required)).toMatchObject([{ type: "approval_required", ...call, ...asked }]);
    expect(show(waiting)).toMatchObject([{ type: "waiting", for: "approval", until: 99 }]);
    expect(show(decided)).toMatchObject([{ type: "approval_decided", call_id: "k1", ...said }]);
  });

  it("tells who was slow what is asked, what was decided, and the call's end, each once", async () => {
    const { turn, conversation, showSnapshot } = await begin();
    const place = { conversation_id: conversation, turn_id: turn };
    const shown = (...events: readonly StoredEvent[]) => showSnapshot({ ...viewOf(...events), turn_id: turn });
    expect(shown(start, required)).toEqual([
      { type: "tool_call_start", ...call, ...place },
      { type: "approval_required", ...call, ...asked, ...place },
    ]);
    expect(shown(start, required, waiting)).toEqual([]);
    expect(shown(start, required, decided)).toEqual([{ type: "approval_decided", call_id: "k1", ...said, ...place }]);
    expect(shown(start, required, decided, end)).toEqual([{ type: "tool_call_end", ...call, ...result, ...place }]);
  });

  it("says nothing of a question that was answered before it could be told", async () => {
    const { turn, showSnapshot } = await begin();
    const view = { ...viewOf(start, required, decided, end), turn_id: turn };
    expect(showSnapshot(view).map(({ type }) => type)).toEqual(["tool_call_start", "tool_call_end"]);
  });
});
