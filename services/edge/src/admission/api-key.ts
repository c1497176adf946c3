import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * An API key: `parley_`, 256 random bits in 43 letters and digits, and six more that are their checksum. By the first part people and scanners of repositories see what it
 * is; by the last one a typing error is told from a key that is not known, without a look-up.
 */
const apiKeyPrefix = "parley_";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const randomBytesOfKey = 32;
const randomChars = 43;
const checksumChars = 6;
const form = new RegExp(`^${apiKeyPrefix}[0-9A-Za-z]{${randomChars + checksumChars}}$`);

export function createApiKey(): string {
  const random = apiKeyPrefix + inDigits(BigInt(`0x${randomBytes(randomBytesOfKey).toString("hex")}`), randomChars);
  return random + checksumOf(random);
}

export function isApiKey(token: string): boolean {
  return token.startsWith(apiKeyPrefix);
}

/** Whether it has the form of a key, and its checksum. */
export function isWellTyped(key: string): boolean {
  return form.test(key) && key.slice(-checksumChars) === checksumOf(key.slice(0, -checksumChars));
}

/** What is kept of a key. It needs no salt and no slow hash: nobody can try 2^256 keys. */
export function hashOfApiKey(key: string): string {
  return `sha256:${hash("sha256", key, "base64url")}`;
}

function checksumOf(text: string): string {
  return inDigits(BigInt(crc32(text)), checksumChars);
}

function inDigits(value: bigint, chars: number): string {
  const base = BigInt(digits.length);
  let text = "";
  for (let left = value; text.length < chars; left /= base) text = (digits[Number(left % base)] ?? "") + text;
  return text;
}
