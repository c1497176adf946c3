import { createECDH, createPrivateKey, sign, type KeyObject } from "node:crypto";
import { pushCurve } from "./message-encryption.ts";

/** By which push services know who sends (RFC 8292): a token for each of them, signed with the deployment's key. */

/** They take none that counts for more than a day. */
const lifeS = 12 * 3_600;
const renewBeforeS = 3_600;
/** Services that are remembered at once: there are four, and the operator's own. */
const mostKept = 100;

export interface VapidKey {
  readonly key: KeyObject;
  /** Uncompressed, base64url: browsers ask for notices of whoever has this. */
  readonly publicKey: string;
}

/** `text`: 32 bytes in base64url. Undefined: it is no key. */
export function vapidKeyOf(text: string): VapidKey | undefined {
  const d = Buffer.from(text, "base64url");
  if (d.length !== 32) return undefined;
  try {
    const ecdh = createECDH(pushCurve);
    ecdh.setPrivateKey(d);
    const point = ecdh.getPublicKey();
    const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString("base64url"));
    const jwk = { kty: "EC", crv: "P-256", d: d.toString("base64url"), x: x ?? "", y: y ?? "" };
    return { key: createPrivateKey({ key: jwk, format: "jwk" }), publicKey: point.toString("base64url") };
  } catch {
    return undefined;
  }
}

/** The header for a message to a service. `subject`: where its people reach the operator, `mailto:` or `https:`. */
export function createVapid({ key, publicKey }: VapidKey, subject: string) {
  const kept = new Map<string, { readonly token: string; readonly untilS: number }>();
  const tokenFor = (audience: string): string => {
    const nowS = Math.floor(Date.now() / 1_000);
    const found = kept.get(audience);
    if (found !== undefined && found.untilS - nowS > renewBeforeS) return found.token;
    if (kept.size >= mostKept) kept.clear();
    const untilS = nowS + lifeS;
    const token = signed(key, { aud: audience, exp: untilS, sub: subject });
    kept.set(audience, { token, untilS });
    return token;
  };
  return (endpoint: string): string => `vapid t=${tokenFor(new URL(endpoint).origin)}, k=${publicKey}`;
}

function signed(key: KeyObject, claims: object): string {
  const [head, body] = [{ typ: "JWT", alg: "ES256" }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  const signature = sign("sha256", Buffer.from(`${head}.${body}`), { key, dsaEncoding: "ieee-p1363" });
  return `${head}.${body}.${signature.toString("base64url")}`;
}
