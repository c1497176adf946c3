import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";

/** A piece of the response, written by itself; or a pause of so many milliseconds. */
export type Piece = string | Buffer | number;

export interface RawAnswer {
  /** Without its blank line. Default: an event stream that ends with the connection. */
  readonly head?: string;
  readonly pieces: readonly Piece[];
  /** What happens to the connection then. Default: it is closed in order. */
  readonly after?: "end" | "reset" | "stay open";
}

const eventStream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close";

/** A server of bare sockets, which sends exactly these bytes. */
export async function startRawProvider(answers: readonly RawAnswer[]) {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.setNoDelay(true));
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    serve(socket, heads, answers);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    baseURL: `http://127.0.0.1:${address.port}/v1`,
    /** Of the requests so far: line and headers. */
    heads,
    open: (): number => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

function serve(socket: Socket, heads: string[], answers: readonly RawAnswer[]): void {
  let received = Buffer.alloc(0);
  socket.on("data", (part) => {
    received = Buffer.concat([received, part]);
    const text = received.toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
    if (end < 0 || received.length < end + 4 + length) return;
    received = received.subarray(end + 4 + length);
    const answer = answers[Math.min(heads.push(text.slice(0, end)), answers.length) - 1];
    if (answer !== undefined) void write(socket, answer);
  });
}

async function write(socket: Socket, { head = eventStream, pieces, after = "end" }: RawAnswer): Promise<void> {
  for (const piece of [`${head}\r\n\r\n`, ...pieces]) {
    if (typeof piece === "number") await sleep(piece);
    else await new Promise((done) => socket.write(piece, done));
    await turn();
  }
  if (after === "end") socket.end();
  if (after === "reset") socket.resetAndDestroy();
}
