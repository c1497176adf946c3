/** A frame of the server as it came. */
export interface ReceivedFrame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly reserved: number;
  readonly isMasked: boolean;
  readonly payload: Buffer;
}

/** Takes bytes as the network cuts them, and gives every whole frame to its taker. */
export function createFrameReader(onFrame: (frame: ReceivedFrame) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = endOfFrame(rest); end !== undefined; end = endOfFrame(rest)) {
      onFrame(read(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
  };
}

function headBytes(bytes: Buffer): number {
  const code = (bytes[1] ?? 0) & 127;
  const masked = ((bytes[1] ?? 0) & 0x80) === 0 ? 0 : 4;
  if (code < 126) return 2 + masked;
  return (code === 126 ? 4 : 10) + masked;
}

function lengthOf(bytes: Buffer): number {
  const code = (bytes[1] ?? 0) & 127;
  if (code < 126) return code;
  return code === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
}

function endOfFrame(bytes: Buffer): number | undefined {
  if (bytes.length < 2 || bytes.length < headBytes(bytes)) return undefined;
  const end = headBytes(bytes) + lengthOf(bytes);
  return bytes.length < end ? undefined : end;
}

/** Servers do not mask: one that does is seen by `isMasked`, and its payload is left as it came. */
function read(bytes: Buffer): ReceivedFrame {
  const [first = 0, second = 0] = bytes;
  return {
    opcode: first & 15,
    isLast: (first & 0x80) !== 0,
    reserved: (first >> 4) & 7,
    isMasked: (second & 0x80) !== 0,
    payload: Buffer.from(bytes.subarray(headBytes(bytes))),
  };
}
