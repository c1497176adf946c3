import { setTimeout as delay } from "node:timers/promises";
import { nowMs } from "../measure/clock.ts";
import { serveRole } from "../measure/role.ts";
import { quantile } from "../measure/statistics.ts";
import { conversationOf } from "../relay/load.ts";
import { ageMs, tokenLength } from "../relay/timed-token.ts";
import { nativeProtocol } from "../sockets/access-token.ts";
import { encodeClientFrame } from "../sockets/client-frame.ts";
import { fieldsOf } from "../sockets/frame-fields.ts";
import { openRawSocket, type RawSocket } from "../sockets/raw-socket.ts";
import { inBatches } from "../sockets/together.ts";
import { Audience, type Seen } from "./audience.ts";

const silentMs = 2_000;
const connectingAtOnce = 50;

/** Counts what a group of sockets is shown. One frame in `sampleEvery` is looked at for its age. */
function createCount(sampleEvery: number) {
  let [frames, tokens, disorder] = [0, 0, 0];
  let ages: number[] = [];
  return {
    take(token: string, atMs: number, isInOrder: boolean): void {
      if (!isInOrder) disorder++;
      tokens += token.length / tokenLength;
      if (frames++ % sampleEvery === 0) ages.push(ageMs(token, atMs));
    },
    drain(): Seen["readers"] {
      const seen = { frames, tokens, disorder, p50: quantile(ages, 0.5), p99: quantile(ages, 0.99) };
      [frames, tokens, disorder, ages] = [0, 0, 0, []];
      return seen;
    },
  };
}

await serveRole(Audience, ({ ports, secret, load, readers }) => {
  const counts = { readers: createCount(16), bystanders: createCount(1) };
  const protocol = nativeProtocol(secret);
  const sockets: RawSocket[] = [];
  let lastAt = 0;

  const watch = (conversation: number, at: number, count: ReturnType<typeof createCount>): Promise<void> =>
    new Promise((resolve, reject) => {
      let seq = 0;
      const onFrame = (payload: Buffer): void => {
        const { type, token, seq: next } = fieldsOf(payload);
        if (type === "subscribed") resolve();
        if (type !== "token") return;
        lastAt = nowMs();
        count.take(token, lastAt, next > seq);
        seq = next;
      };
      const onClose = (): void => reject(new Error("the edge closed a reader's socket"));
      const port = ports[at % ports.length] ?? 0;
      openRawSocket({ port, path: "/ws/chat", protocol, onFrame, onClose }).then((socket) => {
        sockets.push(socket);
        socket.send(encodeClientFrame({ type: "subscribe", conversation_id: conversationOf(conversation) }));
      }, reject);
    });
  const drain = (): Seen => ({ readers: counts.readers.drain(), bystanders: counts.bystanders.drain() });

  return {
    stand: () => inBatches(load.turns - 1, connectingAtOnce, (i) => watch(i + 1, i, counts.bystanders)),
    gather: () => inBatches(readers, connectingAtOnce, (i) => watch(0, i, counts.readers)),
    drain,
    /** When nothing has come for a while. */
    async rest() {
      while (nowMs() - lastAt < silentMs) await delay(20);
      return drain();
    },
  };
});
