import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/** A WebSocket client with nothing in it: two cores are shared with the processes that are measured. */
export interface RawSocket {
  send(text: string): void;
  destroy(): void;
}

export interface RawSocketOptions {
  readonly port: number;
  readonly path: string;
  /** Value of `Sec-WebSocket-Protocol`. */
  readonly protocol?: string;
  /** Payload of a text frame; valid only during the call. */
  readonly onFrame: (payload: Buffer) => void;
  readonly onClose?: () => void;
}

const opcodes = { text: 1, close: 8, ping: 9, pong: 10 } as const;
const headerEnd = "\r\n\r\n";

function upgradeRequest({ port, path, protocol }: RawSocketOptions): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    "Sec-WebSocket-Version: 13",
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
  ];
  return `${lines.join("\r\n")}${headerEnd}`;
}

/** A client's frames are masked; a mask of zeros is as good as any where nobody is to be protected. */
function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  const isLong = payload.length > 125;
  const head = Buffer.alloc(isLong ? 8 : 6);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (isLong ? 126 : payload.length);
  if (isLong) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

interface Parsed {
  readonly opcode: number;
  readonly start: number;
  readonly end: number;
}

function frameAt(bytes: Buffer, at: number): Parsed | undefined {
  if (bytes.length - at < 2) return undefined;
  const opcode = (bytes[at] ?? 0) & 15;
  const short = (bytes[at + 1] ?? 0) & 127;
  const headBytes = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length - at < headBytes) return undefined;
  const length =
    short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short === 126 ? bytes.readUInt16BE(at + 2) : short;
  const start = at + headBytes;
  return bytes.length < start + length ? undefined : { opcode, start, end: start + length };
}

/** Gives every whole frame to its taker and keeps what is left of the last one. */
function createFrameReader(socket: Socket, onFrame: (payload: Buffer) => void) {
  let rest: Buffer | undefined;
  return (chunk: Buffer): void => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (let frame = frameAt(bytes, at); frame !== undefined; frame = frameAt(bytes, at)) {
      const payload = bytes.subarray(frame.start, frame.end);
      if (frame.opcode === opcodes.text) onFrame(payload);
      if (frame.opcode === opcodes.ping) socket.write(clientFrame(opcodes.pong, payload));
      if (frame.opcode === opcodes.close) socket.end();
      at = frame.end;
    }
    rest = at < bytes.length ? bytes.subarray(at) : undefined;
  };
}

/** Connects and upgrades. Rejects when the server refuses. */
export function openRawSocket(options: RawSocketOptions): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: options.port, host: "127.0.0.1", noDelay: true });
    const read = createFrameReader(socket, options.onFrame);
    let head: Buffer | undefined = Buffer.alloc(0);
    socket.once("error", reject);
    socket.once("close", () => {
      reject(new Error("the server closed the connection"));
      options.onClose?.();
    });
    socket.once("connect", () => socket.write(upgradeRequest(options)));
    socket.on("data", (chunk: Buffer) => {
      if (head === undefined) return read(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf(headerEnd);
      if (end < 0) return undefined;
      const status = head.subarray(0, 12).toString("latin1");
      if (status !== "HTTP/1.1 101") return void socket.destroy(new Error(`the upgrade was refused: ${status}`));
      const rest = head.subarray(end + headerEnd.length);
      head = undefined;
      resolve({
        send: (text) => void socket.write(clientFrame(opcodes.text, Buffer.from(text))),
        destroy: () => void socket.destroy(),
      });
      if (rest.length > 0) read(rest);
      return undefined;
    });
  });
}
