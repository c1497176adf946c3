import fc from "fast-check";
import { nativeDialect, type VisibleEvent } from "@parley/dialects";
import { expect, it } from "vitest";
import { createConnection } from "../src/delivery/connection.ts";
import { createDelivery, type Recipient } from "../src/delivery/delivery.ts";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createOutbox } from "../src/delivery/outbox.ts";
import { createCounters } from "../src/figures/metrics.ts";
import { bringInTurn } from "../src/hub/drained.ts";

/** A socket and what was sent on it. */
function openSocket({ knowsBatches = true, batchBytes = deliveryLimits.batchBytes } = {}) {
  const counters = createCounters();
  const answers = { eventSent: () => {}, frameSent: () => {} };
  const outbox = createOutbox({ limits: { ...deliveryLimits, batchBytes }, counters, answers });
  const sent: string[] = [];
  let bufferedBytes = 0;
  const made = { id: "k", dialect: nativeDialect, openedMs: 0, credential: undefined };
  const connection = createConnection<{ readonly state: string; readonly name: string }>(made);
  connection.knowsBatches = knowsBatches;
  connection.ws = {
    send: (bytes) => (sent.push(Buffer.from(bytes).toString()), bufferedBytes === 0 ? 1 : 0),
    getBufferedAmount: () => bufferedBytes,
    cork: (send) => send(),
    end: (code) => void (sent.push(`closed ${code}`), (connection.ws = undefined)),
  };
  return { outbox, connection, sent, counters, fill: (bytes: number) => (bufferedBytes = bytes) };
}

const pong = (ts: number) => ({ type: "pong", ts }) as const;
const textOf = (ts: number) => JSON.stringify(pong(ts));

it("what leaves at the same moment is one message, made of the frames' own bytes; one frame comes as itself", () => {
  const { outbox, connection, sent, counters } = openSocket();
  outbox.cork(connection, () => [1, 2, 3].forEach((ts) => outbox.sendFrame(connection, pong(ts))));
  outbox.cork(connection, () => void outbox.sendFrame(connection, pong(4)));
  outbox.sendFrame(connection, pong(5));
  outbox.cork(connection, () => undefined);
  expect(sent).toEqual([`[${textOf(1)},${textOf(2)},${textOf(3)}]`, textOf(4), textOf(5)]);
  expect([counters.frames, counters.sentBytes]).toEqual([5, sent.join("").length]);
});

it("who has not said that they know batches gets each frame by itself", () => {
  const { outbox, connection, sent } = openSocket({ knowsBatches: false });
  outbox.cork(connection, () => [1, 2].forEach((ts) => outbox.sendFrame(connection, pong(ts))));
  expect(sent).toEqual([textOf(1), textOf(2)]);
});

it("what was said before a close leaves before it", () => {
  const { outbox, connection, sent } = openSocket();
  outbox.cork(connection, () => {
    outbox.sendFrame(connection, pong(1));
    outbox.sendFrame(connection, pong(2));
    outbox.close(connection, 4000, "");
    outbox.sendFrame(connection, pong(3));
  });
  expect(sent).toEqual([`[${textOf(1)},${textOf(2)}]`, "closed 4000"]);
});

it("a batch that fails halfway leaves what it has, and the next one begins anew", () => {
  const { outbox, connection, sent } = openSocket();
  const failing = (): void =>
    outbox.cork(connection, () => {
      outbox.sendFrame(connection, pong(1));
      throw new Error("no");
    });
  expect(failing).toThrow("no");
  outbox.sendFrame(connection, pong(2));
  expect(sent).toEqual([textOf(1), textOf(2)]);
});

it("however large frames are, all come once and in order, and no batch of several is longer than its limit", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(120), { maxLength: 40 }), (sizes) => {
      const { outbox, connection, sent } = openSocket({ batchBytes: 100 });
      const frames = sizes.map(
        (size, at) => ({ type: "error", error: "x".repeat(size), code: "CONFLICT", at }) as const,
      );
      outbox.cork(connection, () =>
        frames.forEach((frame) => outbox.sendFrame(connection, { ...frame, retryable: false })),
      );
      const told = sent.map((text): { at: number }[] => [JSON.parse(text)].flat());
      expect(told.flat().map(({ at }) => at)).toEqual(frames.map(({ at }) => at));
      const ofSeveral = sent.filter((_, at) => (told[at]?.length ?? 0) > 1);
      expect(Math.max(0, ...ofSeveral.map((text) => text.length))).toBeLessThanOrEqual(102);
    }),
  );
});

it("a socket that takes no more is seen within a batch: it gets no further events", () => {
  const { outbox, connection, sent, fill } = openSocket({ batchBytes: 40 });
  fill(deliveryLimits.softBytes + 1);
  let takesMore = true;
  outbox.cork(connection, () => {
    for (let ts = 0; ts < 100 && takesMore; ts++) takesMore = outbox.sendFrame(connection, pong(ts));
  });
  expect(takesMore).toBe(false);
  expect(sent.length).toBeLessThanOrEqual(2);
});

/** A viewer of a conversation of its own, to which one event has come. */
function viewerOf(outlet: Recipient["outlet"], name: string) {
  const frame = Buffer.from(JSON.stringify({ conversation: name }));
  const event: VisibleEvent = { seq: 1, type: "token", turn: "t", frame };
  const viewer: Recipient = { state: "live", cursor: 0, outlet, source: { ring: { events: [event], floor: 0 } } };
  return { viewers: new Set([viewer]) };
}

it("events of several conversations within one turn of the event loop are one message", async () => {
  const { outbox, connection, sent } = openSocket();
  for (const name of ["a", "b", "c"]) connection.viewers.set(name, { state: "live", name });
  const delivery = createDelivery({ outbox, settle: () => undefined, lag: () => undefined, hasRoom: () => false });
  for (const name of ["a", "b", "c"]) delivery.mark(viewerOf(connection, name));
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent.map((text) => JSON.parse(text))).toEqual([["a", "b", "c"].map((conversation) => ({ conversation }))]);
});

it("of conversations that lag on one socket each has its turn, also where the first one always has something new", () => {
  const { connection } = openSocket();
  for (const name of ["a", "b", "c"]) connection.viewers.set(name, { state: "lagging", name });
  const served: string[] = [];
  const catchUp = {
    catchUp: ({ name }: { readonly name: string }) => {
      served.push(name);
      // One fills the socket.
      connection.laggingSinceMs = 1;
    },
  };
  for (let drained = 0; drained < 4; drained++) {
    connection.laggingSinceMs = 0;
    bringInTurn(connection, catchUp);
  }
  expect(served).toEqual(["a", "b", "c", "a"]);
});
