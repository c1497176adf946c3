import { ChatError, createClient, type Client } from "@parley/client";
import { strict } from "@parley/client/strict";
import { sleep } from "@parley/runtime";
import { WebSocket } from "ws";
import { createChanges } from "./changes.ts";
import type { Answer, Device, Question } from "./device.ts";
import type { DeviceOptions } from "./raw-device.ts";
import { createRecorder, isOfConversation } from "./recording.ts";

const again = { watchMs: 250, askMs: 300 } as const;
const timings = { handshakeMs: 4_000, pingAfterMs: 3_000, deadAfterMs: 9_000, answerMs: 15_000, stableMs: 1_000 };

/** A device that uses the client library, as a program of somebody else would. Its recording is made and checked as every other one. */
export function createLibraryDevice(options: DeviceOptions): Device {
  const { name, conversation: id, now } = options;
  const recorder = createRecorder(name, id, now);
  const changes = createChanges();
  const sockets = createSockets(options);
  const client = createClient({
    ...strict,
    url: "ws://edge/",
    token: options.token,
    WebSocket: sockets.constructor,
    backoff: { minMs: 40, maxMs: 400 },
    timings,
    random: options.random.next,
  });
  const conversation = client.conversation(id);
  const closing = new AbortController();
  let wantsEvents = false;

  listen(client);

  function listen({ on }: Client): void {
    let wasReady = false;
    on("state", ({ name: state }) => {
      if (state === "ready") {
        recorder.add({ kind: "connected", edge: sockets.edge() });
        // The library subscribes by itself, from where its view stands.
        if (wantsEvents) recorder.add({ kind: "subscribe", after: conversation.view.seq || undefined });
      } else if (wasReady) recorder.add({ kind: "lost", code: 0 });
      wasReady = state === "ready";
    });
    on("violation", ({ detail }) => recorder.add({ kind: "complaint", text: detail }));
    conversation.on("frame", (frame) => {
      if (frame.type === "accepted") wantsEvents = true;
      if (isOfConversation(frame)) recorder.add({ kind: "frame", frame });
    });
    conversation.on("change", changes.notify);
  }

  let watching = false;
  const watch = async (): Promise<void> => {
    wantsEvents = true;
    if (watching) return;
    watching = true;
    while (wantsEvents && !closing.signal.aborted) {
      if (client.state.name === "ready") recorder.add({ kind: "subscribe", after: conversation.view.seq || undefined });
      const isThere = await conversation.subscribe().then(
        () => true,
        () => false,
      );
      if (isThere) break;
      // It is not there before its first message.
      await sleep(again.watchMs, closing.signal);
    }
    watching = false;
  };

  const ask = async ({ id: message, text, onBusy: on_busy, agent }: Question): Promise<Answer> => {
    while (!closing.signal.aborted) {
      try {
        recorder.add({ kind: "ask", id: message });
        const { turn_id, position } = await conversation.send(text, { id: message, on_busy, ...(agent && { agent }) });
        return { kind: "accepted", turn: turn_id, position };
      } catch (error) {
        if (!(error instanceof ChatError)) throw error;
        if (!error.retryable || error.code === "CONVERSATION_BUSY") return { kind: "refused", code: error.code };
        await sleep(error.retryAfterMs ?? again.askMs, closing.signal);
      }
    }
    throw new Error("the device was closed");
  };

  return {
    name,
    recording: recorder.recording,
    get view() {
      return conversation.view;
    },
    connect: () => void client.connect(),
    watch: () => void watch(),
    ask,
    cancel(turn) {
      recorder.add({ kind: "cancel", turn });
      conversation.cancel(turn);
    },
    approve(call, approved) {
      recorder.add({ kind: "approve", call, approved });
      // What is refused stands in the recording, as a frame.
      conversation.approve(call, approved).catch(() => undefined);
    },
    cut: () => sockets.current()?.terminate(),
    pause: () => sockets.current()?.pause(),
    resume: () => sockets.current()?.resume(),
    leave() {
      wantsEvents = false;
      recorder.add({ kind: "unsubscribe" });
      conversation.unsubscribe();
    },
    until: (holds, signal) => changes.until(() => holds(conversation.view), signal),
    reconnects: sockets.reconnects,
    close() {
      closing.abort();
      client.close();
    },
  };
}

/** The library connects to one address; here each of its connections goes to the next edge, as behind a load balancer. */
function createSockets({ edges, firstEdge }: DeviceOptions) {
  let next = firstEdge;
  let edge = 0;
  let count = 0;
  let current: WebSocket | undefined;
  const constructor = new Proxy(WebSocket, {
    construct(target, [, protocols]: [string, string]) {
      const urls = edges();
      edge = next % urls.length;
      next = edge + 1;
      count += 1;
      current = new target(urls[edge] ?? "", protocols);
      return current;
    },
  });
  return {
    constructor,
    edge: () => edge,
    current: () => current,
    reconnects: () => Math.max(0, count - 1),
  };
}
