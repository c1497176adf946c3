import { connect, type Msg, type Subscription } from "@nats-io/transport-node";
import uWS, { type WebSocket } from "uWebSockets.js";
import { z } from "zod";
import { serveRole } from "../measure/role.ts";
import { bareLiveOf } from "./subjects.ts";

const Options = z.object({ nats: z.string(), port: z.number() });

interface Viewer {
  /** Empty: it looks at nothing. */
  readonly turn: string;
  subscription: Subscription | undefined;
  queue: Buffer[];
}

/** The stored event with its sequence as first key. */
function frameOf({ headers, data }: Msg): Buffer {
  const head = `{"seq":${headers?.get("Nats-Sequence") ?? "0"},`;
  const frame = Buffer.allocUnsafe(head.length + data.length - 1);
  frame.write(head, 0, "latin1");
  frame.set(data.subarray(1), head.length);
  return frame;
}

/** Sends what came within one turn of the event loop in one system call per socket. */
function createDelivery() {
  let dirty = new Set<WebSocket<Viewer>>();
  let isScheduled = false;
  const flush = (): void => {
    isScheduled = false;
    const sockets = dirty;
    dirty = new Set();
    for (const ws of sockets) {
      const viewer = ws.getUserData();
      const { queue } = viewer;
      viewer.queue = [];
      ws.cork(() => {
        for (const frame of queue) ws.send(frame, false);
      });
    }
  };
  return {
    push(ws: WebSocket<Viewer>, frame: Buffer): void {
      ws.getUserData().queue.push(frame);
      dirty.add(ws);
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(flush);
    },
    forget: (ws: WebSocket<Viewer>): void => void dirty.delete(ws),
  };
}

/** The least that shows stored events to sockets: no users, no resuming, no limits, no checks. */
await serveRole(Options, async ({ nats, port }) => {
  const nc = await connect({ servers: nats, noAsyncTraces: true });
  const delivery = createDelivery();
  const watch = (ws: WebSocket<Viewer>): void => {
    const viewer = ws.getUserData();
    if (viewer.turn === "") return;
    viewer.subscription = nc.subscribe(bareLiveOf(viewer.turn), {
      callback: (_error, message) => delivery.push(ws, frameOf(message)),
    });
  };
  const app = uWS.App().ws<Viewer>("/*", {
    idleTimeout: 0,
    maxBackpressure: 64 * 1024 * 1024,
    upgrade: (response, request, context) => {
      const viewer: Viewer = { turn: request.getQuery("turn") ?? "", subscription: undefined, queue: [] };
      response.upgrade(viewer, request.getHeader("sec-websocket-key"), "", "", context);
    },
    open: watch,
    close: (ws) => {
      ws.getUserData().subscription?.unsubscribe();
      delivery.forget(ws);
    },
  });
  await new Promise<void>((resolve, reject) => {
    app.listen("127.0.0.1", port, (token) => {
      if (token === false) reject(new Error(`port ${port} is taken`));
      else resolve();
    });
  });
  return {};
});
