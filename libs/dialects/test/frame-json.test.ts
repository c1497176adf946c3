import type { ConnectionFrame } from "@parley/protocol";
import { expect, it } from "vitest";
import { nativeDialect } from "../src/native/dialect.ts";
import { createSseDialect } from "../src/sse/dialect.ts";
import { createTurnWatch } from "../src/turn-watch.ts";
import { message, token, visible } from "./turn-events.ts";

const snapshot: ConnectionFrame = { type: "snapshot", conversation_id: "c", seq: 7, status: "idle", ts: 1 };

it("a snapshot that many get is encoded once", () => {
  expect(nativeDialect.encodeFrame(snapshot)).toBe(nativeDialect.encodeFrame(snapshot));
  expect(String(nativeDialect.encodeFrame(snapshot))).toBe(JSON.stringify(snapshot));
  expect(nativeDialect.encodeFrame({ ...snapshot, seq: 8 })).not.toBe(nativeDialect.encodeFrame(snapshot));
});

it("an event that many read as server-sent events is encoded once", () => {
  const dialects = [1, 2].map(() => createSseDialect(createTurnWatch(), () => undefined));
  const [one, other] = dialects;
  const [first, second] = [visible(1, message("t")), visible(2, token("t", "w"))];
  expect(one?.encodeEvent(first)).toBe(other?.encodeEvent(first));
  expect(String(other?.encodeEvent(second))).toBe(`id: 2\nevent: token\ndata: ${String(second.frame)}\n\n`);
});
