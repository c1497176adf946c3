import { setTimeout as delay } from "node:timers/promises";
import { encodeClientFrame } from "../sockets/client-frame.ts";
import { z } from "zod";
import { nowMs } from "../measure/clock.ts";
import { serveRole } from "../measure/role.ts";
import { quantile } from "../measure/statistics.ts";
import { nativeProtocol } from "../sockets/access-token.ts";
import { fieldsOf } from "../sockets/frame-fields.ts";
import { openRawSocket, type RawSocket } from "../sockets/raw-socket.ts";
import { inBatches } from "../sockets/together.ts";
import { conversationOf, Load, tokensOf } from "./load.ts";
import { ageMs, tokenLength } from "./timed-token.ts";

const Options = z.object({
  port: z.number(),
  load: Load,
  /** Absent: the edge is the bare one. */
  secret: z.string().optional(),
});

const silentMs = 5_000;
const connectingAtOnce = 100;
/** One frame in so many is looked at for its age. */
const sampleEvery = 8;

await serveRole(Options, ({ port, load, secret }) => {
  const expected = tokensOf(load) * load.viewersPerTurn;
  const ages: number[] = [];
  let [frames, tokens, disorder, firstAt, lastAt] = [0, 0, 0, 0, 0];
  const sockets: RawSocket[] = [];

  const createViewer = (onReady: () => void) => {
    let seq = 0;
    return (payload: Buffer): void => {
      const { type, token, seq: next } = fieldsOf(payload);
      if (type === "subscribed") onReady();
      if (type !== "token") return;
      if (next <= seq) disorder++;
      seq = next;
      lastAt = nowMs();
      if (firstAt === 0) firstAt = lastAt;
      tokens += token.length / tokenLength;
      if (frames++ % sampleEvery === 0) ages.push(ageMs(token, lastAt));
    };
  };
  const watchBare = async (turn: number): Promise<void> => {
    sockets.push(await openRawSocket({ port, path: `/?turn=${turn}`, onFrame: createViewer(() => {}) }));
  };
  const protocol = secret === undefined ? "" : nativeProtocol(secret);
  const watchParley = (turn: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const onClose = (): void => reject(new Error("the edge closed a viewer's socket"));
      openRawSocket({ port, path: "/ws/chat", protocol, onFrame: createViewer(resolve), onClose }).then((socket) => {
        sockets.push(socket);
        socket.send(encodeClientFrame({ type: "subscribe", conversation_id: conversationOf(turn) }));
      }, reject);
    });
  const watch = secret === undefined ? watchBare : watchParley;

  return {
    connect: () => inBatches(load.turns * load.viewersPerTurn, connectingAtOnce, (i) => watch(i % load.turns)),
    frames: () => ({ frames }),
    async count() {
      while (tokens < expected && !(lastAt > 0 && nowMs() - lastAt > silentMs)) await delay(20);
      const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => quantile(ages, share));
      const tokensPerSecond = tokens / ((lastAt - firstAt) / 1_000);
      return { tokens, expected, frames, disorder, tokensPerSecond, p50, p95, p99 };
    },
  };
});
