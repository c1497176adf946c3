import { deflateSync } from "node:zlib";
import { openBus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import type { Broker } from "@parley/testkit";
import { testEncryption } from "./test-encryption.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

export interface StoredFile {
  readonly user: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly mediaType?: string;
  /** So much of it is sent, and it is not finished. Default: all of it. */
  readonly sent?: number;
}

/** A file that somebody has uploaded, without an edge. Returns its id. */
export async function storeFile(
  { url }: Broker,
  { user, name, bytes, mediaType = "", sent }: StoredFile,
): Promise<string> {
  const bus = await openBus({ servers: url, name: "test", log, ...(await testEncryption()) });
  try {
    const { file_id } = await bus.files.begin({ owner: { user }, name, mediaType, bytes: bytes.length });
    await bus.files.append(file_id, 0, bytes.subarray(0, sent ?? bytes.length));
    if (sent === undefined) await bus.files.finish(file_id);
    return file_id;
  } finally {
    await bus.close();
  }
}

/** Removes it as its owner, or whoever looks after data, does. */
export async function removeFile({ url }: Broker, fileId: string): Promise<void> {
  const bus = await openBus({ servers: url, name: "test", log, ...(await testEncryption()) });
  await bus.files.remove(fileId);
  await bus.close();
}

/** A picture of one colour. */
export function pngOf(width: number, height: number): Buffer {
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, 0x7f)]);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([head, named, sum]);
}

function crc32(bytes: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

/** Half a second of silence. */
export function wavOf(samples = 4_000): Buffer {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(36 + samples * 2, 4);
  head.write("WAVEfmt ", 8, "latin1");
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(16_000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36, "latin1");
  head.writeUInt32LE(samples * 2, 40);
  return Buffer.concat([head, Buffer.alloc(samples * 2)]);
}
