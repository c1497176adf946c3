export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame as a client may write it, also against the rules (RFC 6455, section 5.2). */
export interface FrameParts {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  /** The last of its message; true by default. */
  readonly isLast?: boolean;
  /** The three reserved bits. */
  readonly reserved?: number;
  readonly isMasked?: boolean;
  /** Bytes in which the length is written; by default as few as it fits. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** What is said to be the length, whatever the payload is. */
  readonly saidLength?: bigint;
}

/** The bytes of one frame. */
export function frameBytes(parts: FrameParts): Buffer {
  const { opcode, payload = "", isLast = true, reserved = 0, isMasked = true } = parts;
  const body = Buffer.from(payload);
  const length = parts.saidLength ?? BigInt(body.length);
  const lengthBytes = parts.lengthBytes ?? fewestBytes(length);
  const first = (isLast ? 0x80 : 0) | (reserved << 4) | opcode;
  const second = (isMasked ? 0x80 : 0) | lengthCode(lengthBytes, length);
  const head = Buffer.concat([Buffer.from([first, second]), lengthField(lengthBytes, length)]);
  if (!isMasked) return Buffer.concat([head, body]);
  return Buffer.concat([head, mask, body.map((byte, index) => byte ^ (mask[index % 4] ?? 0))]);
}

/** Always the same, that of RFC 6455, section 5.7: what a server makes of bytes in the wrong place is then the same each time too. */
const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

function fewestBytes(length: bigint): 0 | 2 | 8 {
  if (length <= 125n) return 0;
  return length <= 65_535n ? 2 : 8;
}

function lengthCode(bytes: 0 | 2 | 8, length: bigint): number {
  if (bytes === 0) return Number(length & 127n);
  return bytes === 2 ? 126 : 127;
}

function lengthField(bytes: 0 | 2 | 8, length: bigint): Buffer {
  const field = Buffer.alloc(8);
  field.writeBigUInt64BE(BigInt.asUintN(64, length));
  return field.subarray(8 - bytes);
}

export function textFrame(payload: string | Uint8Array, more: Partial<FrameParts> = {}): Buffer {
  return frameBytes({ opcode: opcodes.text, payload, ...more });
}

export function jsonFrame(value: object): Buffer {
  return textFrame(JSON.stringify(value));
}

export function continuation(payload: string | Uint8Array, more: Partial<FrameParts> = {}): Buffer {
  return frameBytes({ opcode: opcodes.continuation, payload, ...more });
}

export function pingFrame(payload: string | Uint8Array = "", more: Partial<FrameParts> = {}): Buffer {
  return frameBytes({ opcode: opcodes.ping, payload, ...more });
}

export function pongFrame(payload: string | Uint8Array = "", more: Partial<FrameParts> = {}): Buffer {
  return frameBytes({ opcode: opcodes.pong, payload, ...more });
}

/** `code` undefined: a close frame without a body. */
export function closeFrame(code?: number, reason: string | Uint8Array = "", more: Partial<FrameParts> = {}): Buffer {
  const body = Buffer.alloc(code === undefined ? 0 : 2);
  if (code !== undefined) body.writeUInt16BE(code);
  return frameBytes({ opcode: opcodes.close, payload: Buffer.concat([body, Buffer.from(reason)]), ...more });
}
