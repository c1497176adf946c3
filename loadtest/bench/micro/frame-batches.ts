import { nativeDialectOf, type VisibleEvent } from "@parley/dialects";
import { encodeEvent } from "@parley/protocol";
import { createConnection } from "../../../services/edge/src/delivery/connection.ts";
import { createDelivery, type Recipient } from "../../../services/edge/src/delivery/delivery.ts";
import { deliveryLimits } from "../../../services/edge/src/delivery/delivery-limits.ts";
import { createOutbox } from "../../../services/edge/src/delivery/outbox.ts";
import { visibleEventOf } from "../../../services/edge/src/hub/visible-event.ts";

/**
 * What batches of frames save, and cost, on one socket: `npx tsx --conditions=source loadtest/bench/micro/frame-batches.ts`. Each conversation has 30 tokens a second, and those that come
 * within one turn of the event loop (here: of all conversations together) leave together. The socket itself is not there: what a system call and a client save comes on top.
 */

const seconds = 2_000;
const tokensPerSecond = 30;

interface Measured {
  readonly messages: number;
  readonly bytes: number;
  readonly nsPerFrame: number;
}

function tokenOf(conversation: string, seq: number): VisibleEvent {
  const common = { conversation_id: conversation, turn_id: "t".repeat(22), attempt: 1, ts: 1_750_000_000_000 };
  const data = encodeEvent({ type: "token", ...common, n: seq, token: " some words" });
  const event = visibleEventOf({ subject: "", seq, previous: seq - 1, data }, "t".repeat(22), 0);
  if (event === undefined) throw new Error("a token is visible");
  return event;
}

async function measure(conversations: number, knowsBatches: boolean): Promise<Measured> {
  let [messages, bytes] = [0, 0];
  const answers = { eventSent: () => undefined, frameSent: () => undefined };
  const counters = { frames: 0, sentBytes: 0, lagged: 0 };
  const outbox = createOutbox({ limits: deliveryLimits, counters, answers });
  const dialect = nativeDialectOf({ knowsUnknown: true });
  const connection = createConnection({ id: "k", dialect, openedMs: 0, credential: undefined });
  connection.knowsBatches = knowsBatches;
  connection.ws = {
    send: (message) => (messages++, (bytes += message.length + 4), 1),
    getBufferedAmount: () => 0,
    cork: (send) => send(),
    end: () => undefined,
  };
  const deps = { settle: () => undefined, lag: () => undefined, hasRoom: () => true };
  const delivery = createDelivery({ outbox, ...deps });
  const rooms = Array.from({ length: conversations }, (_, at) => {
    const name = `conversation-${at}`;
    const events = [tokenOf(name, 1)];
    const viewer: Recipient = { state: "live", cursor: 0, outlet: connection, source: { ring: { events, floor: 0 } } };
    connection.viewers.set(name, viewer);
    return { viewer, viewers: new Set([viewer]) };
  });
  const began = process.cpuUsage();
  for (let tick = 0; tick < seconds * tokensPerSecond; tick++) {
    for (const room of rooms) {
      room.viewer.cursor = 0;
      delivery.mark(room);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { user, system } = process.cpuUsage(began);
  const frames = seconds * tokensPerSecond * conversations;
  return { messages: messages / seconds, bytes: bytes / seconds, nsPerFrame: ((user + system) * 1_000) / frames };
}

for (const conversations of [1, 5, 20])
  for (const knowsBatches of [false, true]) {
    const { messages, bytes, nsPerFrame } = await measure(conversations, knowsBatches);
    const what = `${conversations} conversations, ${knowsBatches ? "in batches" : "one by one"}`;
    process.stdout.write(
      `${what}: ${messages.toFixed(0)} messages/s, ${(bytes / 1_000).toFixed(1)} KB/s, ${nsPerFrame.toFixed(0)} ns/frame\n`,
    );
  }
