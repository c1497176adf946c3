import { createHmac } from "node:crypto";

const usualLifetimeSeconds = 3_600;

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** An access token (JWT, HS256) as the edges take it; with `more` claims. */
export function createToken(
  secret: string,
  user: string,
  lifetimeSeconds = usualLifetimeSeconds,
  more: object = {},
): string {
  const exp = Math.floor(Date.now() / 1_000) + lifetimeSeconds;
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub: user, exp, ...more })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
