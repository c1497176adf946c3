import {
  ChatError,
  encodeEvent,
  encodeJson,
  limits,
  subjects,
  type StoredEvent,
  type TurnRequest,
} from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats } from "@parley/testkit";
import { expect, it } from "vitest";
import { EventTooLargeError, openBus } from "@parley/bus";
import { openTestBus } from "./workbench.ts";

const chain = subjects.agent(0, "c1", "t1");
const data = (bytes: number): Uint8Array => Buffer.alloc(bytes, "x");
const headerBytes = "NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 0\r\n\r\n".length;

it("stores what is just within the limit, headers included, and answers at once for what is not", async () => {
  await using bench = await openTestBus();
  const { events } = bench.bus;
  const most = limits.eventBytes - headerBytes;
  expect(await events.append({ subject: chain, data: data(most), expect: 0 })).toMatchObject({ kind: "stored" });
  const asked = performance.now();
  expect(await events.append({ subject: chain, data: data(most + 1), expect: 1 })).toEqual({
    kind: "too large",
    bytes: most + 1,
    maxBytes: most,
  });
  expect(performance.now() - asked).toBeLessThan(500);
});

it("takes the word of a stream that has a limit of its own", async () => {
  await using bench = await openTestBus();
  const { events, nc } = bench.bus;
  const info: unknown = await nc.request("$JS.API.STREAM.INFO.EV_0").then((message) => message.json());
  if (typeof info !== "object" || info === null || !("config" in info)) throw new Error("no such stream");
  await nc.request("$JS.API.STREAM.UPDATE.EV_0", encodeJson({ ...Object(info.config), max_msg_size: 1_000 }));
  expect(await events.append({ subject: chain, data: data(5_000), expect: 0 })).toMatchObject({ kind: "too large" });
  expect(await events.append({ subject: chain, data: data(500), expect: 0 })).toMatchObject({ kind: "stored" });
});

const large: StoredEvent = {
  ...{ type: "message", conversation_id: "c1", turn_id: "t1", ts: 1, message_id: "t1-u", id: "m1" },
  ...{ author: { role: "user" }, message: "x".repeat(limits.eventBytes) },
};

it("shortens a write-once event if it is told how, and else says so without trying again", async () => {
  await using bench = await openTestBus();
  const { events } = bench.bus;
  const subject = subjects.user(0, "c1", "t1");
  await expect(events.writeOnce(subject, large)).rejects.toThrow(EventTooLargeError);
  await expect(events.writeOnce(subject, large, () => ({ ...large }))).rejects.toThrow(EventTooLargeError);
  const { event } = await events.writeOnce(subject, large, (maxBytes) => {
    expect(encodeEvent(large).length).toBeGreaterThan(maxBytes);
    return { ...large, message: "short" };
  });
  expect(event).toMatchObject({ message: "short" });
  expect((await events.last(subject))?.event).toEqual(event);
});

const request: TurnRequest = {
  ...{ v: 1, turn_id: "t1", conversation_id: "c1", user: { id: "u" }, id: "m1", message_id: "t1-u", accepted_at: 1 },
  message: "x".repeat(limits.eventBytes),
};

it("does not accept a turn or a record that is too large", async () => {
  await using bench = await openTestBus();
  const refusal = await bench.bus.turns.submit(request).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ChatError);
  expect(refusal).toMatchObject({ code: "MESSAGE_TOO_LARGE" });
  const record = { v: 1 as const, conversation_id: "c1", turn_id: "t1", ts: 1, author: { role: "user" as const } };
  const append = bench.bus.transcripts.append({
    ...record,
    message_id: "m",
    message: request.message,
    status: "complete",
  });
  await expect(append).rejects.toThrow(EventTooLargeError);
});

it("is not ready while the broker takes too little, also when that changes while it runs", async () => {
  await using bench = await openTestBus();
  const { bus, nats } = bench;
  expect(bus.problems()).toEqual([]);
  const poll = { timeout: 10_000, interval: 50 };
  let losses = 0;
  bus.onDisconnect(() => void losses++);
  await nats.setMaxPayload(64 * 1024);
  await expect
    .poll(bus.problems, poll)
    .toEqual([`The broker takes messages of at most 65536 bytes: max_payload must be ${limits.eventBytes} or more.`]);
  expect(await bus.events.append({ subject: chain, data: data(100_000) })).toMatchObject({ kind: "too large" });
  // Below the limit of now, and with a connection that was not cut for it.
  expect(await bus.events.append({ subject: chain, data: data(60_000) })).toMatchObject({ kind: "stored" });
  await nats.setMaxPayload(1024 * 1024);
  await expect.poll(bus.problems, poll).toEqual([]);
  expect(await bus.events.append({ subject: chain, data: data(100_000) })).toMatchObject({ kind: "stored" });
  expect(losses).toBe(0);
});

it("finds out by itself when the broker cuts the connection for what it sent", async () => {
  await using nats = await startNats();
  const log = createLogger({ service: "test", level: "silent", format: "json" });
  const bus = await openBus({ servers: nats.url, name: "test", log, ackWaitMs: 20_000 });
  try {
    await nats.setMaxPayload(64 * 1024);
    // Whether this is before or after it has heard of the change: it is never for ever.
    await expect
      .poll(() => bus.events.append({ subject: chain, data: data(100_000) }), { timeout: 10_000 })
      .toMatchObject({ kind: "too large" });
  } finally {
    await bus.close();
  }
});
