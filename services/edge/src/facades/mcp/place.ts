import { ChatError } from "@parley/protocol";
import { jsonReply, type Reply } from "../../transport/reply.ts";
import { isLoopbackHost } from "../../transport/public-origin.ts";
import type { Exchange } from "../../transport/exchange.ts";

/** Under which address a client reaches this server, and what it is told when it has shown no token. */

export const mcpPath = "/mcp";
export const metadataPath = "/.well-known/oauth-protected-resource";

/** RFC 9728, section 5.1: where a client finds out who makes tokens for this resource. */
export function challengeOf(origin: string, error: ChatError): string {
  const metadata = `resource_metadata="${origin}${metadataPath}${mcpPath}"`;
  // Who has shown nothing is told no error (RFC 6750, section 3.1).
  return error.code === "AUTH_REQUIRED" ? `Bearer ${metadata}` : `Bearer error="invalid_token", ${metadata}`;
}

/** What this resource is, and who makes tokens for it (RFC 9728). */
export function metadataReply(origin: string, issuers: readonly string[]): Reply {
  return jsonReply(200, {
    resource: `${origin}${mcpPath}`,
    // An empty list must not be given: then tokens are got elsewhere.
    ...(issuers.length === 0 ? {} : { authorization_servers: issuers }),
    bearer_methods_supported: ["header"],
    resource_name: "Parley",
  });
}

/**
 * In development whoever shows no token is let in, if nobody can have sent them: a page whose name was made to lead to this machine (DNS rebinding) is of the
 * same origin to its browser. Throws FORBIDDEN.
 */
export function checkNotRebound({ header }: Pick<Exchange, "header">, isAnonymous: boolean): void {
  const origin = header("origin");
  if (!isAnonymous || origin === "" || !URL.canParse(origin)) return;
  const { host } = new URL(origin);
  const isAddress = isLoopbackHost(host) || /^[\d.]+(:\d+)?$|^\[/.test(host);
  if (isAddress || host !== header("host")) return;
  throw new ChatError("FORBIDDEN", { message: "A page of this name has to show a token, also in development." });
}
