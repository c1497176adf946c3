import { readFileSync } from "node:fs";
import { createDialectA, type VisibleEvent } from "@parley/dialects";
import { createTurnView, decodeEvent, foldEvent as foldTurnEvent, textOf, unreadableEvent } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { createTurnFold, foldEvent } from "../../services/agent-worker/src/turn-fold.ts";
import { append, createRing, enforceLimits } from "../../services/edge/src/hub/ring.ts";
import { visibleEventOf } from "../../services/edge/src/hub/visible-event.ts";
import { ask } from "../../libs/dialects/test/asking.ts";

const fixtures = new URL("../../libs/protocol/fixtures/", import.meta.url);
const conversation_id = "c_Zk3vQ1d8Tn0yRb5sWm2uLA";
const turn_id = "q7Hc2LxTfV0aYb9RkD3mWg";

function bytesOf(file: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(JSON.parse(readFileSync(new URL(`${file}.json`, fixtures), "utf8"))));
}

function visible(seq: number, file: string, turn = turn_id): VisibleEvent {
  const event = visibleEventOf({ subject: "", seq, previous: 0, data: bytesOf(file) }, turn, 0);
  if (event === undefined) throw new Error(`${file} is not visible`);
  return event;
}

describe("events of types that only the next minor version knows", () => {
  it("are read as unknown, with their place in the chain", () => {
    expect(decodeEvent(bytesOf("v1-next/event-suggestions"))).toEqual({
      ...{ type: "unknown", conversation_id, turn_id, ts: 1780479000230 },
      ...{ attempt: 1, n: 4 },
    });
    expect(decodeEvent(bytesOf("v1-next/event-poll"))).not.toHaveProperty("attempt");
  });

  it("do not make damaged events of known types readable", () => {
    const damaged = new TextEncoder().encode(
      `{"type":"token","conversation_id":"c","turn_id":"t","ts":1,"attempt":1,"n":1}`,
    );
    expect(decodeEvent(damaged)).toBe(unreadableEvent);
  });

  it("change nothing for a worker that takes the turn over, but the sequence it must go on from", () => {
    const fold = createTurnFold();
    const files = ["v1/event-claimed", "v1/event-token", "v1-next/event-suggestions", "v1-next/event-poll"];
    files.forEach((file, i) => foldEvent(fold, 10 + i, decodeEvent(bytesOf(file))));
    // The reaction is beside the chain.
    expect(fold).toMatchObject({ seq: 12, attempt: 1, text: "Let me look at the cluster. ", ended: false });
  });

  it("change nothing in what an edge or a client has of the turn", () => {
    const files = ["v1/event-token", "v1-next/event-suggestions", "v1-next/event-poll"];
    const events = files.map((file) => decodeEvent(bytesOf(file)));
    const view = events.reduce(foldTurnEvent, createTurnView(turn_id));
    expect(view).toMatchObject({ status: "running", parts: [{ type: "text", text: "Let me look at the cluster. " }] });
  });

  it("go to native viewers as they are, and leave an edge's memory like others", () => {
    const suggestions = visible(12, "v1-next/event-suggestions");
    expect(JSON.parse(suggestions.frame.toString())).toMatchObject({ seq: 12, type: "suggestions" });
    const ring = createRing(9);
    append(ring, visible(10, "v1/event-message"));
    append(ring, visible(11, "v1/event-token"));
    append(ring, suggestions);
    enforceLimits(ring, { ringEvents: 0, ringBytes: 0 });
    expect(textOf(ring.base.get(turn_id)?.view ?? [])).toBe("Let me look at the cluster. ");
  });

  it("are not told to clients of the seeds", async () => {
    const dialect = createDialectA({ isAnonymous: false });
    const { turn } = await ask(dialect, { message: "hello", conversation_id: "uuid" });
    expect(dialect.encodeEvent(visible(12, "v1-next/event-suggestions", turn))).toEqual([]);
  });
});
