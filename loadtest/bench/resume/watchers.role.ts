import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { serveRole } from "../measure/role.ts";
import { median, quantile } from "../measure/statistics.ts";
import { nativeProtocol } from "../sockets/access-token.ts";
import { encodeClientFrame } from "../sockets/client-frame.ts";
import { openRawSocket } from "../sockets/raw-socket.ts";
import { inBatches } from "../sockets/together.ts";
import { conversationOf, ResumeLoad } from "./load.ts";
import { countInOrder } from "./numbered-token.ts";
import { createReading, type Reading } from "./reading.ts";

const Options = z.object({
  load: ResumeLoad,
  secret: z.string(),
  /** Where they begin, and where they go when that is gone. */
  ports: z.tuple([z.number(), z.number()]),
});

const connectingAtOnce = 100;
/** Reconnects are spread over this, as the client library spreads its first try. */
const spreadMs = 1_000;
const retryMs = 200;
const endDeadlineMs = 30_000;

interface Watcher {
  readonly reading: Reading;
  readonly index: number;
  /** When it had, after the edge was gone, all that there was; 0: not yet. */
  caughtUpAt: number;
  lostAt: number;
  isGone: boolean;
}

interface Place {
  readonly protocol: string;
  readonly streaming: number;
  port: number;
  retries: number;
}

/** Keeps a viewer at the place where the edge is. */
function createWatching(place: Place) {
  const isStreaming = ({ index }: Watcher): boolean => index < place.streaming;

  const watch = (watcher: Watcher): Promise<void> =>
    new Promise((resolve, reject) => {
      const { reading, index } = watcher;
      const onFrame = (payload: Buffer): void => {
        const type = reading.take(payload);
        if (type === "subscribed") resolve();
        if (watcher.lostAt === 0 || watcher.caughtUpAt > 0) return;
        // In mid-answer: when it is live again. Else there is nothing to come.
        if (type === "token" || (type === "subscribed" && !isStreaming(watcher)))
          watcher.caughtUpAt = performance.now();
      };
      const onClose = (): void => {
        reject(new Error("closed"));
        if (watcher.lostAt === 0) watcher.lostAt = performance.now();
        if (!watcher.isGone) void goOn(watcher);
      };
      openRawSocket({ port: place.port, path: "/ws/chat", protocol: place.protocol, onFrame, onClose }).then(
        (socket) => {
          const after = reading.seq === 0 ? {} : { after: reading.seq };
          socket.send(encodeClientFrame({ type: "subscribe", conversation_id: conversationOf(index), ...after }));
        },
        reject,
      );
    });

  const goOn = async (watcher: Watcher): Promise<void> => {
    watcher.isGone = true;
    await delay(Math.random() * spreadMs);
    for (;;) {
      try {
        await watch(watcher);
        break;
      } catch {
        place.retries++;
        await delay(retryMs);
      }
    }
    watcher.isGone = false;
  };
  return watch;
}

/** Viewers that lose their edge, go to another, and check every frame they get. */
await serveRole(Options, ({ load, secret, ports }) => {
  const watchers = Array.from({ length: load.viewers }, (_, index): Watcher => ({
    reading: createReading(),
    index,
    caughtUpAt: 0,
    lostAt: 0,
    isGone: false,
  }));
  const place: Place = { protocol: nativeProtocol(secret), streaming: load.streaming, port: ports[0], retries: 0 };
  const watch = createWatching(place);
  return {
    connect: () => inBatches(load.viewers, connectingAtOnce, async (index) => watch(watchers[index] ?? never())),
    leave() {
      place.port = ports[1];
    },
    async caughtUp() {
      while (watchers.some(({ caughtUpAt }) => caughtUpAt === 0)) await delay(20);
      const times = watchers.map(({ caughtUpAt, lostAt }) => caughtUpAt - lostAt);
      return { p50: median(times), p99: quantile(times, 0.99), last: Math.max(...times), retries: place.retries };
    },
    /** Once every answer has ended: what each viewer has of it. */
    async check() {
      const all = watchers.slice(0, load.streaming).map(({ reading }) => reading);
      const endsAt = performance.now() + endDeadlineMs;
      while (all.some(({ hasEnded }) => !hasEnded) && performance.now() < endsAt) await delay(20);
      const whole = all.map(({ text }) => countInOrder(text));
      return {
        unended: all.filter(({ hasEnded }) => !hasEnded).length,
        broken: whole.filter((count) => count < 0).length,
        tokens: whole.reduce((sum, count) => sum + Math.max(0, count), 0),
        repeats: watchers.reduce((sum, { reading }) => sum + reading.repeats, 0),
        snapshots: all.reduce((sum, { snapshots }) => sum + snapshots, 0),
      };
    },
  };
});

function never(): never {
  throw new Error("there is no such viewer");
}
