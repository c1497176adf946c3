import { ChatError, toChatError } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { z } from "zod";
import type { SignIn } from "../admission/admit.ts";
import type { Oidc } from "../admission/oidc.ts";
import { callbackPath } from "../admission/oidc-settings.ts";
import { endSession, signInPath, type Revoke, type SignedOut } from "./auth-routes.ts";
import type { Exchange } from "./exchange.ts";
import { chatErrorReply, type Reply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

export interface SignInRoutesDeps {
  readonly signIn: SignIn;
  readonly oidc: Oidc;
  readonly revoke: Revoke | undefined;
  readonly signedOut: SignedOut;
  /** How long a cookie may be kept. */
  readonly maxMs: number;
  readonly log: Logger;
}

/** So long a person has at the provider. */
const pendingMs = 600_000;
const maxPathChars = 1_024;

/** Its form as a cookie: base64url of JSON. Whoever changes it can only spoil the sign-in of this browser. */
const Pending = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), to: z.string() });

/** Signing in and out with a browser. */
export function createSignInRoutes(deps: SignInRoutesDeps): Route[] {
  return [loginRoute(deps), callbackRoute(deps), logoutRoute(deps)];
}

function loginRoute({ signIn: { cookie }, oidc, log }: SignInRoutesDeps): Route {
  return defineRoute({
    method: "get",
    path: signInPath,
    summary: "Sign in: sends the browser to the provider.",
    access: "anybody",
    params: nothing,
    query: z.object({ return_to: z.string().optional().describe("A path of this site. Default: `/`.") }),
    body: nothing,
    responses: { 302: { description: "To the provider." } },
    async handle(_call, { query: { return_to: to = "/" } }) {
      try {
        const { location, pending } = await oidc.begin();
        const kept: z.infer<typeof Pending> = { ...pending, to: ownPath(to, cookie.origin) };
        const value = Buffer.from(JSON.stringify(kept)).toString("base64url");
        return redirect(location, [cookie.pending.write(value, pendingMs)]);
      } catch (error) {
        return sentencePage(error, [], log);
      }
    },
  });
}

function callbackRoute(deps: SignInRoutesDeps): Route {
  const { signIn, oidc, maxMs, log } = deps;
  const { cookie, sessions } = signIn;
  return defineRoute({
    method: "get",
    path: callbackPath,
    summary: "Where the provider sends the browser back to.",
    access: "anybody",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 302: { description: "Signed in: back to where it began." } },
    async handle({ exchange }) {
      try {
        const { to, ...pending } = pendingIn(cookie.pending.read(exchange.header("cookie")));
        const identity = await oidc.finish(exchange.query, pending);
        await end(deps, exchange);
        const { address } = exchange.whence;
        const begun = await sessions.begin({ identity, address, agent: exchange.header("user-agent") });
        log.debug({ user: identity.user.id, issuer: identity.issuer }, "somebody has signed in");
        return redirect(ownPath(to, cookie.origin), [cookie.write(begun.cookie, maxMs), cookie.pending.clear()]);
      } catch (error) {
        return sentencePage(error, [cookie.pending.clear()], log);
      }
    },
  });
}

function logoutRoute(deps: SignInRoutesDeps): Route {
  const { cookie } = deps.signIn;
  return defineRoute({
    method: "post",
    path: "/auth/logout",
    summary: "Sign out of this browser. At the provider its person stays signed in.",
    access: "anybody",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 204: { description: "Signed out; the sockets of this sign-in are closed." } },
    async handle({ exchange }) {
      const { header } = exchange;
      if (!cookie.isOwnPage({ origin: header("origin"), fetchSite: header("sec-fetch-site") })) {
        throw new ChatError("FORBIDDEN", { message: "Only pages of this site itself can sign out." });
      }
      const cookies = [cookie.clear()];
      try {
        await end(deps, exchange);
      } catch (error) {
        // The browser forgets it anyway.
        return { ...chatErrorReply(toChatError(error)), cookies };
      }
      return { status: 204, headers: { "cache-control": "no-store" }, cookies, body: "" };
    },
  });
}

/** Ends the sign-in that a browser has. */
async function end(
  { signIn: { cookie, sessions }, revoke, signedOut, log }: SignInRoutesDeps,
  exchange: Exchange,
): Promise<void> {
  const value = cookie.read(exchange.header("cookie"));
  const found = value === undefined ? undefined : await sessions.byCookie(value, false);
  if (found === undefined) return;
  const { user } = found.identity;
  const { address } = exchange.whence;
  await endSession({ sessions, revoke, signedOut, log }, { id: found.id, user: user.id }, { user, roles: [], address });
}

function pendingIn(value: string | undefined): z.infer<typeof Pending> {
  const parsed = Pending.safeParse(value === undefined ? undefined : parseJson(value));
  if (parsed.success) return parsed.data;
  throw new ChatError("AUTH_INVALID", { message: "This sign-in did not begin in this browser, or took too long." });
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(Buffer.from(value, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Only paths of this site: an address elsewhere would make it the beginning of somebody's trap. */
function ownPath(text: string, origin: string): string {
  const isPath = text.startsWith("/") && text.length <= maxPathChars && URL.canParse(text, origin);
  const url = new URL(isPath ? text : "/", origin);
  const path = url.pathname + url.search + url.hash;
  // `/.//elsewhere` becomes `//elsewhere`, which would be another site.
  return url.origin === origin && !path.startsWith("//") ? path : "/";
}

/** `no-referrer`: the address has the provider's code in it. */
const headers = { "cache-control": "no-store", "referrer-policy": "no-referrer" };

function redirect(location: string, cookies: readonly string[]): Reply {
  return { status: 302, headers: { ...headers, location }, cookies, body: "" };
}

/** People read this one, so it is a page. Its sentences are our own. */
function sentencePage(thrown: unknown, cookies: readonly string[], log: Logger): Reply {
  const error = toChatError(thrown);
  const level = error.status >= 500 ? "warn" : "debug";
  log[level](
    { code: error.code, reason: error.cause instanceof Error ? error.cause.message : undefined },
    "a sign-in was answered with a sentence",
  );
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sign in</title>
<p>${error.message}</p>
<p><a href="${signInPath}">Sign in again</a></p>
</html>
`;
  return { status: error.status, headers: { ...headers, "content-type": "text/html; charset=utf-8" }, cookies, body };
}
