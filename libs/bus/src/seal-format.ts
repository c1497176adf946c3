import { createCipheriv, createDecipheriv, randomBytes, randomFillSync } from "node:crypto";

/** With what one scope is sealed. */
export interface DataKey {
  /** 8 bytes, in everything that it seals. */
  readonly id: Buffer;
  /** 32 bytes. */
  readonly secret: Buffer;
}

/**
 * `E1`, version, key id (8), nonce (12), ciphertext, tag (16). No JSON begins so; and no text either, as the version is no second byte of UTF-8 behind it.
 */
const mark = 0xe1;
const version = 1;
const [markBytes, nonceBytes, tagBytes] = [2, 12, 16];
const keyIdBytes = 8;
const secretBytes = 32;
const nonceAt = markBytes + keyIdBytes;
const headBytes = nonceAt + nonceBytes;
/** What sealing adds. */
export const sealBytes = headBytes + tagBytes;

const algorithm = "aes-256-gcm";

export function newDataKey(): DataKey {
  return { id: randomBytes(keyIdBytes), secret: randomBytes(secretBytes) };
}

/** Whether it was sealed, in whatever version. Plain JSON never is; plain bytes of other kinds may look so. */
export function isSealed(data: Uint8Array): boolean {
  return data[0] === mark && data.length >= sealBytes;
}

/** Whether this version knows how. */
export function isKnownSeal(data: Uint8Array): boolean {
  return data[1] === version;
}

export function isSealedWith(data: Uint8Array, { id }: DataKey): boolean {
  for (let i = 0; i < keyIdBytes; i++) if (data[markBytes + i] !== id[i]) return false;
  return true;
}

/** Random numbers are had in portions: one call for each nonce costs more than the sealing of a token. */
const nonces = Buffer.alloc(nonceBytes * 256);
let nextNonce = nonces.length;

function writeNonce(into: Buffer): void {
  if (nextNonce === nonces.length) {
    randomFillSync(nonces);
    nextNonce = 0;
  }
  nonces.copy(into, nonceAt, nextNonce, nextNonce + nonceBytes);
  nextNonce += nonceBytes;
}

/** `place`: where it is to be stored; nowhere else it can be opened. */
export function sealData({ id, secret }: DataKey, place: Buffer, data: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(data.length + sealBytes);
  sealed[0] = mark;
  sealed[1] = version;
  id.copy(sealed, markBytes);
  writeNonce(sealed);
  const cipher = createCipheriv(algorithm, secret, sealed.subarray(nonceAt, headBytes));
  cipher.setAAD(place);
  cipher.update(data).copy(sealed, headBytes);
  cipher.final();
  cipher.getAuthTag().copy(sealed, sealed.length - tagBytes);
  return sealed;
}

/** Undefined: it is not what was sealed there with this key. */
export function openData({ secret }: DataKey, place: Buffer, sealed: Uint8Array): Buffer | undefined {
  const tagAt = sealed.length - tagBytes;
  const decipher = createDecipheriv(algorithm, secret, sealed.subarray(nonceAt, headBytes));
  decipher.setAAD(place);
  decipher.setAuthTag(sealed.subarray(tagAt));
  const data = decipher.update(sealed.subarray(headBytes, tagAt));
  try {
    decipher.final();
    return data;
  } catch {
    // What it says of the reason is always the same, and of no use.
    return undefined;
  }
}
