import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** What a data key is wrapped for: part of the seal. */
export interface WrapPlace {
  readonly tenant: string | undefined;
  /** Of the data key's scope. */
  readonly hash: string;
}

export interface Wrapped {
  /** By which the master key is found again. */
  readonly master: string;
  readonly wrapped: string;
}

/** Where master keys are: in a keyring of this process, or in a service that never gives them out. */
export interface MasterKeys {
  /** Rejects when there is none for the tenant, or the service does not answer. */
  wrap(secret: Buffer, place: WrapPlace): Promise<Wrapped>;
  /** Undefined: this keyring or service has nothing to do with it. Rejects when it is its own and cannot be unwrapped now. */
  unwrap(wrapped: Wrapped, place: WrapPlace): Promise<Buffer | undefined>;
  /** Whether `wrap` would use the same master key. */
  isCurrent(wrapped: Wrapped, place: WrapPlace): Promise<boolean>;
  /** What somebody has to do, as sentences. */
  problems(): readonly string[];
  close(): void;
}

/** No master key here opens it. It may be elsewhere, or come back: what is sealed is not lost by that. */
export class MasterKeyMissingError extends Error {
  override readonly name = "MasterKeyMissingError";
}

const [nonceBytes, tagBytes] = [12, 16];
const algorithm = "aes-256-gcm";

const placeBytes = ({ tenant, hash }: WrapPlace): Buffer => Buffer.from(JSON.stringify([tenant ?? null, hash]));

/** Base64 of nonce, ciphertext and tag. */
export function wrapSecret(master: Buffer, secret: Buffer, place: WrapPlace): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, master, nonce).setAAD(placeBytes(place));
  const body = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64");
}

/** Throws when it was wrapped by another key, or for something else. */
export function unwrapSecret(master: Buffer, wrapped: string, place: WrapPlace): Buffer {
  const bytes = Buffer.from(wrapped, "base64");
  if (bytes.length <= nonceBytes + tagBytes) throw new Error("the wrapped key is cut short");
  const decipher = createDecipheriv(algorithm, master, bytes.subarray(0, nonceBytes)).setAAD(placeBytes(place));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
}

/** Several of them: the first one wraps, and each unwraps its own. So a deployment goes from one to another. */
export function joinMasterKeys(all: readonly MasterKeys[]): MasterKeys {
  const [first] = all;
  if (first === undefined) throw new Error("there are no master keys");
  return {
    wrap: first.wrap,
    isCurrent: first.isCurrent,
    async unwrap(wrapped, place) {
      for (const one of all) {
        const secret = await one.unwrap(wrapped, place);
        if (secret !== undefined) return secret;
      }
      throw new MasterKeyMissingError(`no master key "${wrapped.master}" is known here`);
    },
    problems: () => all.flatMap((one) => one.problems()),
    close: () => all.forEach((one) => one.close()),
  };
}
