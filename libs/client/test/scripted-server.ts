import { once } from "node:events";
import { WebSocketServer, type WebSocket } from "ws";
import { decodeClientFrame, type ClientFrame, type ServerFrame } from "@parley/protocol";

/** A server that does nothing by itself: the test says what each connection receives. */

export interface ServerConnection {
  /** The next frame from the client that is of this type; the ones before it are skipped. */
  readonly frame: <T extends ClientFrame["type"]>(type: T) => Promise<Extract<ClientFrame, { type: T }>>;
  /** Frames that have come and were not asked for. */
  readonly unread: () => string[];
  readonly send: (...frames: (ServerFrame | object)[]) => void;
  readonly close: (code: number, reason?: string) => void;
  /** As a cable that is pulled: nothing is received or sent any more, and nobody says so. */
  readonly freeze: () => void;
  /** welcome and auth_success. */
  readonly welcome: (overrides?: object) => Promise<void>;
  readonly subprotocol: string;
}

export interface ScriptedServer {
  readonly url: string;
  /** The next connection, in the order of arrival. */
  readonly connection: () => Promise<ServerConnection>;
  /** Connections that have come and were not asked for. */
  readonly waiting: () => number;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  const connections = createQueue<ServerConnection>();
  server.on("connection", (socket) => connections.put(createConnection(socket)));
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `ws://127.0.0.1:${address.port}/ws/chat`,
    connection: () => connections.take("a connection"),
    waiting: () => connections.waiting().length,
    [Symbol.asyncDispose]: async () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, "close");
    },
  };
}

export const user = { id: "u1", name: "Mira" };

function createConnection(socket: WebSocket): ServerConnection {
  const frames = createQueue<ClientFrame>();
  socket.on("message", (data: Buffer) => frames.put(decodeClientFrame(data.toString())));
  const send: ServerConnection["send"] = (...list) => list.forEach((frame) => socket.send(JSON.stringify(frame)));
  return {
    frame: async (type) => {
      for (;;) {
        const frame = await frames.take(`a ${type} frame`);
        if (isOfType(frame, type)) return frame;
      }
    },
    unread: () => frames.waiting().map((frame) => frame.type),
    send,
    close: (code, reason) => socket.close(code, reason),
    freeze: () => {
      socket.removeAllListeners("message");
      socket.pause();
    },
    welcome: async (overrides = {}) => {
      send({
        type: "welcome",
        connection_id: "k1",
        auth_required: true,
        heartbeat_ms: 20_000,
        max_message_bytes: 32_768,
        resume_window_ms: 1_800_000,
        ...overrides,
      });
      const frame = await frames.take("an auth frame");
      if (frame.type !== "auth") throw new Error(`expected auth, got ${frame.type}`);
      send({ type: "auth_success", message: "Authentication successful", user, expires_at: 0 });
    },
    subprotocol: socket.protocol,
  };
}

function isOfType<T extends ClientFrame["type"]>(
  frame: ClientFrame,
  type: T,
): frame is Extract<ClientFrame, { type: T }> {
  return frame.type === type;
}

const deadlineMs = 3_000;

/** Things that come, taken in order; who takes too early waits, but not for ever. */
function createQueue<T>() {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    put: (item: T) => {
      const taker = takers.shift();
      if (taker === undefined) items.push(item);
      else taker(item);
    },
    take: (what: string) =>
      new Promise<T>((resolve, reject) => {
        const item = items.shift();
        if (item !== undefined) return resolve(item);
        const timer = setTimeout(() => reject(new Error(`${what} did not come within ${deadlineMs} ms`)), deadlineMs);
        takers.push((late) => {
          clearTimeout(timer);
          resolve(late);
        });
      }),
    waiting: () => [...items],
  };
}
