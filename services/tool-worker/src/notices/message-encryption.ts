import { createCipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";

/**
 * Seals what a push service carries so that only the browser can read it: RFC 8291, in one record of `aes128gcm` (RFC 8188). With what Node has it is some thirty
 * lines; the library that is common for it brings fifteen packages and a client of its own, which knows no guard for addresses.
 */

export const pushCurve = "prime256v1";
const keyBytes = 65;
const authBytes = 16;
const tagBytes = 16;
const saltBytes = 16;
/** Push services need take no more in a message (RFC 8030, 7.2). */
const messageBytes = 4_096;
const headerBytes = saltBytes + 4 + 1 + keyBytes;
/** So much can be said in one. */
export const mostPlainBytes = messageBytes - headerBytes - tagBytes - 1;

export interface SealedFor {
  /** Of the browser, base64url: its public key, and the secret that it shares with us. */
  readonly p256dh: string;
  readonly auth: string;
}

/** What is new for each message. For tests of the RFC's own example it can be given. */
export interface Fresh {
  readonly salt: Buffer;
  readonly privateKey?: Buffer;
}

/** Whether it can be sealed for somebody: a point of the curve, and a secret of the right length. */
export function isSealable({ p256dh, auth }: SealedFor): boolean {
  if (Buffer.from(auth, "base64url").length !== authBytes) return false;
  const key = Buffer.from(p256dh, "base64url");
  if (key.length !== keyBytes) return false;
  try {
    const own = createECDH(pushCurve);
    own.generateKeys();
    own.computeSecret(key);
    return true;
  } catch {
    return false;
  }
}

/** Throws where it is not `isSealable`, or there is too much of it. */
export function sealMessage(
  plain: Buffer,
  { p256dh, auth }: SealedFor,
  { salt, privateKey }: Fresh = { salt: randomBytes(saltBytes) },
): Buffer {
  if (plain.length > mostPlainBytes) throw new RangeError(`A notice of ${plain.length} bytes fits no push service.`);
  const theirs = Buffer.from(p256dh, "base64url");
  const ecdh = createECDH(pushCurve);
  if (privateKey === undefined) ecdh.generateKeys();
  else ecdh.setPrivateKey(privateKey);
  const own = ecdh.getPublicKey();
  const info = Buffer.concat([Buffer.from("WebPush: info\0"), theirs, own]);
  const secret = derive(ecdh.computeSecret(theirs), Buffer.from(auth, "base64url"), info, 32);
  const key = derive(secret, salt, Buffer.from("Content-Encoding: aes128gcm\0"), 16);
  const nonce = derive(secret, salt, Buffer.from("Content-Encoding: nonce\0"), 12);
  const cipher = createCipheriv("aes-128-gcm", key, nonce);
  // 2: nothing comes behind this record.
  const sealed = [cipher.update(plain), cipher.update(Buffer.of(2)), cipher.final(), cipher.getAuthTag()];
  const size = Buffer.alloc(4);
  size.writeUInt32BE(messageBytes);
  return Buffer.concat([salt, size, Buffer.of(keyBytes), own, ...sealed]);
}

function derive(secret: Buffer, salt: Buffer, info: Buffer, length: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, salt, info, length));
}
