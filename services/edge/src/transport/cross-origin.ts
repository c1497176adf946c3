import { mayConnect, type OriginRules } from "../admission/origin.ts";
import type { Exchange } from "./exchange.ts";
import type { Reply } from "./reply.ts";

const preflightSeconds = "600";

/** Whether the page that asks may; answers to pages of allowed origins say so to the browser. No cookies are ever used. */
export function admitOrigin({ header, headers }: Exchange, rules: OriginRules): boolean {
  const origin = header("origin");
  headers.set("vary", "origin");
  if (!mayConnect(origin, header("host"), rules)) return false;
  if (origin === "") return true;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", "retry-after");
  return true;
}

/** The answer to a browser that asks before it asks. */
export function preflightReply(methods: readonly string[]): Reply {
  const headers = {
    "access-control-allow-methods": methods.join(", "),
    "access-control-allow-headers": "authorization, content-type, idempotency-key, last-event-id, traceparent",
    "access-control-max-age": preflightSeconds,
  };
  return { status: 204, headers, body: "" };
}
