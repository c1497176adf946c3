import { createHmac } from "node:crypto";
import { nativeSubprotocol } from "@parley/protocol";

/** One person looks at everything: who it is makes no difference to what is measured. */
export const benchUser = "bench";

const lifetimeSeconds = 3_600;

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** An access token as the edge expects it (HS256). */
function accessToken(secret: string, user: string): string {
  const now = Math.floor(Date.now() / 1_000);
  const signed = `${part({ alg: "HS256" })}.${part({ sub: user, iat: now, exp: now + lifetimeSeconds })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** What a native client offers as subprotocols: the dialect, and its token. */
export function nativeProtocol(secret: string, user = benchUser): string {
  return `${nativeSubprotocol}, bearer.${accessToken(secret, user)}`;
}
