import { createHmac } from "node:crypto";

const usualLifetimeSeconds = 3_600;

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** An access token (JWT, HS256) as the edges take it. */
export function createToken(secret: string, user: string, lifetimeSeconds = usualLifetimeSeconds): string {
  const exp = Math.floor(Date.now() / 1_000) + lifetimeSeconds;
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub: user, exp })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
