/** The frames a NATS server sends, found in a stream of bytes that may be cut anywhere. Plain connections only: nothing can be read of TLS. */

/** A message (MSG or HMSG) as it is on the wire. */
export type NatsMessage = {
  readonly subject: string;
  readonly sid: string;
  readonly reply: string | undefined;
  /** The first value of the header; names are case-sensitive, as in the protocol. */
  header(name: string): string | undefined;
  readonly payload: Buffer;
};

export type NatsFrame = {
  /** All of it, the last line end included. May be part of a larger buffer. */
  readonly bytes: Buffer;
  /** Undefined: INFO, PING, PONG, +OK, -ERR, or whatever else one line is. */
  readonly message: NatsMessage | undefined;
};

export type FrameReader = {
  /** The frames that are complete with these bytes. Throws when they cannot be frames; nothing can be read after that. */
  push(chunk: Buffer): NatsFrame[];
  /** What has come of a frame that is not complete. */
  rest(): Buffer;
};

const lineEnd = "\r\n";
/** An INFO of a large cluster names every server; other lines are far shorter. */
const maxLineBytes = 1024 * 1024;
/** NATS takes no larger `max_payload`; headers count in it. */
const maxMessageBytes = 64 * 1024 * 1024;

/** A frame from that place on; or how many bytes from there it takes to look again. */
type Found = { readonly frame: NatsFrame } | { readonly needs: number };

export function createFrameReader(): FrameReader {
  let chunks: Buffer[] = [];
  let size = 0;
  let needs = 1;
  return {
    push(chunk) {
      chunks.push(chunk);
      size += chunk.length;
      // A large payload comes in many chunks: they are put together once.
      if (size < needs) return [];
      const bytes = joined(chunks);
      const frames: NatsFrame[] = [];
      let at = 0;
      for (;;) {
        const found = findFrame(bytes.subarray(at));
        if ("needs" in found) {
          needs = found.needs;
          break;
        }
        frames.push(found.frame);
        at += found.frame.bytes.length;
      }
      size = bytes.length - at;
      chunks = size === 0 ? [] : [bytes.subarray(at)];
      return frames;
    },
    rest: () => joined(chunks),
  };
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
}

function findFrame(bytes: Buffer): Found {
  const end = bytes.indexOf(lineEnd);
  if (Math.max(end, end < 0 ? bytes.length : 0) > maxLineBytes) throw new Error("a NATS line has no end");
  if (end < 0) return { needs: bytes.length + 1 };
  const start = end + lineEnd.length;
  const head = readHead(bytes.toString("utf8", 0, end));
  if (head === undefined) return { frame: { bytes: bytes.subarray(0, start), message: undefined } };
  const payloadEnd = start + head.totalBytes;
  const whole = payloadEnd + lineEnd.length;
  if (bytes.length < whole) return { needs: whole };
  if (bytes.toString("latin1", payloadEnd, whole) !== lineEnd)
    throw new Error(`no line end after the payload of a NATS message on ${head.subject}`);
  const { subject, sid, reply } = head;
  const payloadStart = start + head.headerBytes;
  const headers = bytes.subarray(start, payloadStart);
  const payload = bytes.subarray(payloadStart, payloadEnd);
  const message = { subject, sid, reply, payload, header: (name: string) => headerIn(headers, name) };
  return { frame: { bytes: bytes.subarray(0, whole), message } };
}

type Head = Pick<NatsMessage, "subject" | "sid" | "reply"> & { headerBytes: number; totalBytes: number };

/** Undefined: it is no message that begins with this line. */
function readHead(line: string): Head | undefined {
  const [operation = "", ...words] = line.split(/[ \t]+/);
  const hasHeaders = operation.toUpperCase() === "HMSG";
  if (!hasHeaders && operation.toUpperCase() !== "MSG") return undefined;
  const totalBytes = sizeIn(words.pop(), line);
  const headerBytes = hasHeaders ? sizeIn(words.pop(), line) : 0;
  const [subject, sid, reply] = words;
  if (subject === undefined || sid === undefined || headerBytes > totalBytes)
    throw new Error(`not a NATS message: ${line}`);
  return { subject, sid, reply, headerBytes, totalBytes };
}

function sizeIn(word: string | undefined, line: string): number {
  const size = Number(word);
  if (word === undefined || !/^\d+$/.test(word) || size > maxMessageBytes)
    throw new Error(`no size in a NATS message: ${line}`);
  return size;
}

function headerIn(headers: Buffer, name: string): string | undefined {
  for (const line of headers.toString("utf8").split(lineEnd).slice(1)) {
    const colon = line.indexOf(":");
    if (colon >= 0 && line.slice(0, colon) === name) return line.slice(colon + 1).trim();
  }
  return undefined;
}
