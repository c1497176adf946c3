import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { cacheCursor, liveOffsetOf, offsetOf, placeOfOffset } from "../src/durable-streams/addresses.ts";
import { createDurableStreamDialect } from "../src/durable-streams/dialect.ts";
import { eventMessage, streamBody } from "../src/durable-streams/encode.ts";
import { complete, message, token, visible } from "./turn-events.ts";

const cursor = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

describe("an offset", () => {
  test("sorts as text as its cursor does as a number, and leads back to it", () => {
    fc.assert(
      fc.property(cursor, cursor, (one, other) => {
        expect(offsetOf(one) < offsetOf(other)).toBe(one < other);
        expect(placeOfOffset(offsetOf(one))).toEqual({ cursor: one, isExact: true });
        expect(placeOfOffset(liveOffsetOf(one))).toEqual({ cursor: one, isExact: false });
        expect(liveOffsetOf(one) < offsetOf(one)).toBe(true);
        expect(liveOffsetOf(one) < offsetOf(other)).toBe(one <= other);
      }),
    );
  });
  test.each(["", "0", "-2", "Now", "12,3", "1 2", "9".repeat(16), "1".repeat(17), "../x"])("is none: '%s'", (text) => {
    expect(placeOfOffset(text)).toBeUndefined();
  });
});

describe("the cursor for caches", () => {
  test("rises above whatever the client has", () => {
    const nowMs = Date.UTC(2026, 0, 1);
    const first = cacheCursor(undefined, nowMs, 0.5);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (had, random) => {
        expect(Number(cacheCursor(String(had), nowMs, random))).toBeGreaterThan(had);
      }),
    );
    expect(Number(cacheCursor(first, nowMs, 0))).toBeGreaterThan(Number(first));
    expect(cacheCursor("nonsense", nowMs, 0)).toBe(first);
  });
});

const Control = z.object({
  streamNextOffset: z.string(),
  streamCursor: z.string(),
  upToDate: z.literal(true).optional(),
});

describe("a conversation as server-sent events", () => {
  const events = [message("t"), token("t", "so\nthere"), complete("t", "so\nthere")].map((event, index) =>
    visible(10 + index, event),
  );
  const stream = (tail: number, after: number | undefined = 9) =>
    createDurableStreamDialect({ after, tail, streamCursor: "5", isKnowing: true, onEnd: () => {} });
  const said = (encoded: Uint8Array | readonly Uint8Array[]): string =>
    Buffer.concat(encoded instanceof Uint8Array ? [encoded] : [...encoded]).toString();

  test("says behind each message how far the reader is, and when that is all there was", () => {
    const dialect = stream(11);
    const controls = events.map((event) => {
      const blocks = said(dialect.encodeEvent(event)).split("\n\n");
      expect(blocks).toHaveLength(3);
      const [data = "", control = ""] = blocks;
      expect(JSON.parse(data.replace("event: data\ndata:", ""))).toEqual([JSON.parse(event.frame.toString())]);
      return Control.parse(JSON.parse(control.replace("event: control\ndata:", "")));
    });
    expect(controls.map(({ streamNextOffset }) => streamNextOffset)).toEqual([
      offsetOf(10),
      offsetOf(11),
      liveOffsetOf(12),
    ]);
    expect(controls.map(({ upToDate }) => upToDate)).toEqual([undefined, true, true]);
  });

  test("says at once where a reader is that lacks nothing", () => {
    const subscribed = { type: "subscribed", conversation_id: "c", mode: "live", seq: 12 } as const;
    expect(said(stream(12, 12).encodeFrame(subscribed))).toContain('"upToDate":true');
    expect(said(stream(12, 9).encodeFrame({ ...subscribed, mode: "replay" }))).toBe("");
  });

  test("has the same messages as one that is read", () => {
    const body = streamBody(events.map((event) => eventMessage(event, true)));
    expect(JSON.parse(body.toString())).toEqual(events.map(({ frame }) => JSON.parse(frame.toString())));
    expect(streamBody([]).toString()).toBe("[]");
  });
});
