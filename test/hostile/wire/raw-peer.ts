import { once } from "node:events";
import { connect } from "node:net";
import { z } from "zod";
import { createFrameReader, type ReceivedFrame } from "./frame-reader.ts";
import { opcodes } from "./frame-bytes.ts";

const Frame = z.looseObject({ type: z.string() });
type Frame = z.infer<typeof Frame>;

/** A TCP connection that says what it is told, byte for byte, and keeps what comes back. */
export interface RawPeer {
  /** All that came before the first WebSocket frame: an answer to HTTP, or to the handshake. */
  head(): string;
  readonly frames: readonly ReceivedFrame[];
  /** The text frames, as JSON. */
  messages(): Frame[];
  write(bytes: Uint8Array | string): void;
  /** No more bytes come from here; those of the other side still do. */
  halfClose(): void;
  /** Ends at once, so that the other side gets a reset. */
  reset(): void;
  /** The other side has ended the connection, or cut it. */
  readonly ended: Promise<void>;
  hasEnded(): boolean;
  [Symbol.dispose](): void;
}

const headEnd = "\r\n\r\n";

export async function connectRaw(port: number): Promise<RawPeer> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  let head = "";
  let hasEnded = false;
  const frames: ReceivedFrame[] = [];
  const read = createFrameReader((frame) => frames.push(frame));
  socket.on("data", (chunk: Buffer) => {
    if (head.startsWith("HTTP/1.1 101") && head.includes(headEnd)) return read(chunk);
    const text = head + chunk.toString("latin1");
    const end = text.startsWith("HTTP/1.1 101") ? text.indexOf(headEnd) : -1;
    head = end < 0 ? text : text.slice(0, end + headEnd.length);
    if (end >= 0) read(Buffer.from(text.slice(head.length), "latin1"));
  });
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      hasEnded = true;
      resolve();
    };
    socket.once("end", end).once("close", end);
  });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return {
    head: () => head,
    frames,
    messages: () => frames.filter(({ opcode }) => opcode === opcodes.text).map(messageOf),
    write: (bytes) => void socket.write(bytes),
    halfClose: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    ended,
    hasEnded: () => hasEnded,
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

function messageOf({ payload }: ReceivedFrame): Frame {
  return Frame.parse(JSON.parse(payload.toString("utf8")));
}
