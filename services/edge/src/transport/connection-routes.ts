import { randomBytes } from "node:crypto";
import { ChatError, toChatError } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { z } from "zod";
import type { Admission } from "../admission/admit.ts";
import { createCookie } from "../admission/session-cookie.ts";
import { connectionCallbackPath } from "../commands/connections/connection-oauth.ts";
import type { Connections, Returned } from "../commands/connections/connections.ts";
import { pendingMs } from "../commands/connections/pending-connections.ts";
import type { Exchange } from "./exchange.ts";
import { jsonReply, type Reply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

export interface ConnectionRoutesDeps {
  /** Undefined: there is no server here at which users connect accounts, or a setting for it is missing. */
  readonly connections: Connections | undefined;
  readonly admission: Pick<Admission, "identify">;
  readonly log: Logger;
}

const ConnectionList = z.object({
  connections: z.array(
    z.object({
      server: z.string().describe("The server's name, with which the names of its tools begin."),
      connected: z.boolean(),
      since: z.number().optional().describe("ms since 1970."),
    }),
  ),
});
const Begun = z.object({
  url: z.string().describe("To be opened in the browser that asks, within 10 minutes; it can be used once."),
});

const server = z.object({ server: z.string().max(30) });
const browserForm = /^[\w-]{43}$/;

/** Accounts of the caller's own at servers of tools (docs/mcp.md). */
export function createConnectionRoutes(deps: ConnectionRoutesDeps): Route[] {
  const { connections } = deps;
  return [
    listRoute(deps),
    ...(connections === undefined ? [] : [beginRoute(connections), forgetRoute(connections)]),
    ...(connections === undefined ? [] : [callbackRoute(connections, deps)]),
  ];
}

function listRoute({ connections }: ConnectionRoutesDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/v1/connections",
    summary:
      "The servers of tools at which each user has an account of their own, and whether the caller has connected it.",
    access: "user",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 200: { description: "All of them.", content: ConnectionList } },
    async handle({ caller }) {
      const list = (await connections?.list(caller)) ?? [];
      return jsonReply(200, { connections: list } satisfies z.infer<typeof ConnectionList>);
    },
  });
}

function beginRoute(connections: Connections): Route {
  const cookie = cookieOf(connections);
  return defineRoute({
    method: "post",
    path: "/api/v1/connections/:server",
    summary: "Begin to connect the caller's account at a server of tools, or another one in its place.",
    access: "user",
    ...{ params: server, query: nothing, body: nothing },
    responses: { 200: { description: "Where the caller allows it.", content: Begun } },
    async handle({ caller, exchange }, { params: { server: name } }) {
      // One for all that is begun in a browser at the same time.
      const browser = cookie.read(exchange.header("cookie")) ?? randomBytes(32).toString("base64url");
      const url = await connections.begin(caller, name, browser);
      return {
        ...jsonReply(200, { url } satisfies z.infer<typeof Begun>),
        cookies: [cookie.write(browser, pendingMs)],
      };
    },
  });
}

function forgetRoute(connections: Connections): Route {
  return defineRoute({
    method: "delete",
    path: "/api/v1/connections/:server",
    summary:
      "Disconnect the caller's account at a server of tools: its tokens are forgotten, and revoked where that can be.",
    access: "user",
    ...{ params: server, query: nothing, body: nothing },
    responses: { 204: { description: "There is none any more." } },
    async handle({ caller }, { params: { server: name } }) {
      await connections.forget(caller, name);
      return { status: 204, headers: { "cache-control": "no-store" }, body: "" };
    },
  });
}

function callbackRoute(connections: Connections, { admission, log }: ConnectionRoutesDeps): Route {
  const cookie = cookieOf(connections);
  return defineRoute({
    method: "get",
    path: connectionCallbackPath,
    summary: "Where an authorization server sends the browser back to.",
    access: "anybody",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 200: { description: "A page that says that the account is connected." } },
    async handle({ exchange }) {
      try {
        const signedIn = await signedInAs(admission, exchange);
        const browser = cookie.read(exchange.header("cookie"));
        const name = await connections.finish({ query: exchange.query, browser, signedIn });
        return page(
          200,
          `Your account at ${name} is connected. You can close this page and go on in the conversation.`,
        );
      } catch (thrown) {
        const error = toChatError(thrown);
        const reason = error.cause instanceof Error ? error.cause.message : undefined;
        log[error.status >= 500 ? "warn" : "info"]({ code: error.code, reason }, "an account was not connected");
        return page(error.status, error.message);
      }
    },
  });
}

/** A sign-in that has ended is none; what is in doubt is not passed over. */
async function signedInAs(admission: Pick<Admission, "identify">, exchange: Exchange): Promise<Returned["signedIn"]> {
  try {
    return (await admission.identify(exchange, exchange.whence))?.caller;
  } catch (error) {
    if (error instanceof ChatError && (error.code === "AUTH_EXPIRED" || error.code === "AUTH_INVALID"))
      return undefined;
    throw error;
  }
}

/** By which a browser is known again in which something was begun. */
function cookieOf({ origin }: Connections) {
  const isSecure = origin.startsWith("https:");
  const cookie = createCookie(`${isSecure ? "__Host-" : ""}parley_connect`, isSecure);
  return {
    ...cookie,
    read(header: string): string | undefined {
      const value = cookie.read(header);
      return value !== undefined && browserForm.test(value) ? value : undefined;
    },
  };
}

/** People read this one, so it is a page, with nothing in it but a sentence of ours. `no-referrer`: the address has the code in it. */
function page(status: number, sentence: string): Reply {
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Connect an account</title>
<p>${escaped(sentence)}</p>
<p><a href="/">To the chat page</a></p>
</html>
`;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  };
  return { status, headers, body };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
