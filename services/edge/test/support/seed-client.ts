import { eventually } from "@parley/testkit";
import { WebSocket } from "ws";
import { Frame } from "../../../../libs/dialects/test/asking.ts";

export interface SeedClient {
  readonly frames: readonly Frame[];
  send(frame: object | string | Buffer): void;
  /** The next frame, whatever it is. */
  next(): Promise<Frame>;
  /** Everything up to the first frame of this type, that one included. */
  until(type: string): Promise<Frame[]>;
  readonly closed: Promise<number>;
  close(): void;
  pause(): void;
  resume(): void;
}

/** A client that knows no subprotocol. */
export async function connectSeedClient(url: string): Promise<SeedClient> {
  const socket = new WebSocket(url);
  const frames: Frame[] = [];
  let read = 0;
  socket.on("message", (data: Buffer) => frames.push(Frame.parse(JSON.parse(data.toString("utf8")))));
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  const next = (): Promise<Frame> =>
    eventually(() => (read < frames.length ? frames[read++] : undefined), { what: "another frame" });
  return {
    frames,
    next,
    async until(type) {
      const some: Frame[] = [];
      do some.push(await next());
      while (some.at(-1)?.type !== type);
      return some;
    },
    send: (frame) => socket.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
    closed,
    close: () => socket.close(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  };
}
