import type { Socket } from "@parley/client";
import type { ChatEvent } from "@parley/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createChatSocket } from "../src/seed-a/chat-socket.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Listener = (event: { readonly data: unknown; readonly code: number; readonly reason: string }) => void;

/** One end of a socket that the test plays. */
function createPeer(address: string) {
  const listeners: [string, Listener][] = [];
  const sent: string[] = [];
  const emit = (type: string, event: { data?: unknown; code?: number } = {}) => {
    const whole = { data: event.data, code: event.code ?? 1006, reason: "" };
    for (const [name, listener] of listeners) if (name === type) listener(whole);
  };
  const socket: Socket = {
    send: (data) => void sent.push(data),
    close: (code) => queueMicrotask(() => emit("close", { code: code ?? 1005 })),
    addEventListener: (type: string, listener: Listener) => void listeners.push([type, listener]),
  };
  return { address, socket, sent, emit, says: (frame: unknown) => emit("message", { data: JSON.stringify(frame) }) };
}

function started(random = () => 0.5) {
  const peers: ReturnType<typeof createPeer>[] = [];
  const events: ChatEvent[] = [];
  const socket = createChatSocket({
    address: () => "ws://127.0.0.1/ws/chat",
    openSocket: (address) => {
      const peer = createPeer(address);
      peers.push(peer);
      return peer.socket;
    },
    onEvent: (event) => void events.push(event),
    random,
  });
  const peer = () => {
    const last = peers.at(-1);
    if (last === undefined) throw new Error("Nothing was opened.");
    return last;
  };
  return { ...socket, peers, peer, events, status: () => socket.getState().status };
}

test("nothing is opened before connect, and what is sent before is sent then", () => {
  const { connect, send, peers, peer, status } = started();
  expect([status(), peers.length]).toEqual(["idle", 0]);
  expect(send({ message: "hello", conversation_id: "c1" })).toBe(true);
  connect();
  connect();
  expect([status(), peers.length, peer().sent]).toEqual(["connecting", 1, []]);
  peer().emit("open");
  expect([status(), peer().sent]).toEqual(["open", ['{"message":"hello","conversation_id":"c1"}']]);
});

test("the ninth message that waits for a connection is not kept", () => {
  const { send } = started();
  const taken = Array.from({ length: 9 }, (_, at) => send({ message: `${at}` }));
  expect(taken).toEqual([...Array.from({ length: 8 }, () => true), false]);
});

test("a lost connection is made again, each time later, up to 20 s", () => {
  const { connect, peer, status, getState } = started(() => 0.999_999);
  connect();
  const delays = Array.from({ length: 8 }, () => {
    peer().emit("close");
    const { retryAtMs = 0 } = getState();
    const delayMs = Math.round(retryAtMs - Date.now());
    vi.advanceTimersByTime(delayMs);
    return [delayMs, status()];
  });
  expect(delays.map(([delayMs]) => delayMs)).toEqual([1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000]);
  expect(new Set(delays.map(([, name]) => name))).toEqual(new Set(["connecting"]));
});

test("who disconnects when an answer is lost, and connects again, is told of the next loss too", () => {
  const { connect, disconnect, send, peer, events } = started();
  connect();
  peer().emit("open");
  send({ message: "one" });
  events.push = (...added: ChatEvent[]) => {
    disconnect();
    return Array.prototype.push.apply(events, added);
  };
  peer().emit("close");
  connect();
  peer().emit("open");
  send({ message: "two" });
  peer().emit("close");
  expect(events.map(({ type }) => type)).toEqual(["error", "error"]);
});

test("a server that goes away says when to come back", () => {
  const { connect, peer, getState, events } = started();
  connect();
  peer().emit("open");
  peer().says({ type: "going_away", data: { reconnect_after_ms: 70 } });
  peer().emit("close", { code: 4001 });
  expect(getState()).toEqual({ status: "waiting", retryAtMs: Date.now() + 70 });
  expect(events).toEqual([]);
});

test("who is told not to come back does not", () => {
  const { connect, peer, status, peers } = started();
  connect();
  peer().emit("open");
  peer().emit("close", { code: 4503 });
  vi.advanceTimersByTime(60_000);
  expect([status(), peers.length]).toEqual(["idle", 1]);
});

test("an answer that was not complete when its connection was lost ends with an error; its message is not sent again", () => {
  const { connect, send, peer, events } = started();
  connect();
  peer().emit("open");
  send({ message: "one" });
  peer().says({ type: "text", data: { text: "a", conversation_id: "c1" } });
  peer().emit("close");
  expect(events.map(({ type }) => type)).toEqual(["text", "error"]);
  expect(events[1]).toMatchObject({ data: { code: "CONNECTION_LOST" } });
  vi.advanceTimersByTime(20_000);
  peer().emit("open");
  expect(peer().sent).toEqual([]);
  peer().emit("close");
  expect(events.length).toBe(2);
});

test("who disconnects is told nothing more, and stays away", async () => {
  const { connect, disconnect, send, peer, peers, events, status } = started();
  connect();
  peer().emit("open");
  send({ message: "one" });
  disconnect();
  peer().says({ type: "text", data: { text: "a", conversation_id: "c1" } });
  await vi.advanceTimersByTimeAsync(60_000);
  expect([status(), peers.length, events]).toEqual(["idle", 1, []]);
});

test("connect does not wait for the time of the next try", () => {
  const { connect, peer, peers, status } = started();
  connect();
  peer().emit("close");
  connect();
  expect([status(), peers.length]).toEqual(["connecting", 2]);
  vi.advanceTimersByTime(60_000);
  expect(peers.length).toBe(2);
});

test("what is no frame of the dialect is passed over", () => {
  const { connect, peer, events } = started();
  connect();
  peer().emit("open");
  peer().emit("message", { data: "no JSON" });
  peer().emit("message", { data: new ArrayBuffer(1) });
  for (const frame of [null, 1, [], {}, { type: "text" }, { type: "text", data: null }, { type: "new", data: {} }]) {
    peer().says(frame);
  }
  expect(events).toEqual([]);
});
