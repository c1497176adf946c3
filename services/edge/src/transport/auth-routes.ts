import { ChatError, User, demand, toChatError, type Caller, type May } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { z } from "zod";
import type { Admission, Admitted, SignIn } from "../admission/admit.ts";
import { revocationName } from "../admission/sessions.ts";
import type { Tickets } from "../admission/tickets.ts";
import type { Exchange } from "./exchange.ts";
import { jsonReply, type Reply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

/** Ends what a user holds, on every edge: all of it, or one sign-in. */
export type Revoke = (
  thing:
    | { readonly what: "user"; readonly id: string }
    | { readonly what: "session"; readonly id: string; readonly user: string },
  by: Caller,
) => Promise<void>;

export interface AuthRoutesDeps {
  readonly admission: Admission;
  readonly tickets: Tickets;
  /** Undefined: nobody can sign in here. */
  readonly signIn: SignIn | undefined;
  /** Undefined: nothing can be revoked here but sign-ins. */
  readonly revoke: Revoke | undefined;
  readonly signedOut: SignedOut;
  readonly may: May;
  /** Development tokens are given out. */
  readonly isDevelopment: boolean;
  readonly log: Logger;
}

/** Told of each sign-in that its user has ended; `session` undefined: all of them. */
export type SignedOut = (userId: string, session: string | undefined) => Promise<void>;

/** Where a page sends whoever wants to sign in. */
export const signInPath = "/auth/login";

const moment = z.number().describe("ms since 1970.");

const Methods = z.object({
  sign_in: z.string().optional().describe("Where a page sends whoever wants to sign in; absent: nobody can here."),
  development_tokens: z.boolean().describe("`POST /api/v1/auth/dev-token` gives a token to whoever asks."),
});

const Ticket = z.object({ ticket: z.string(), expires_at: moment });

const Me = z.object({
  user: User,
  tenant: z.string().optional(),
  roles: z.array(z.string()),
  scopes: z.array(z.string()).optional().describe("Actions to which the credential is limited; absent: to none."),
  expires_at: moment.optional(),
  by: z.enum(["session", "token"]).describe("Whether it came by the cookie of a sign-in."),
  approves: z
    .boolean()
    .describe("Whether the caller decides for others: who does not is refused by `GET /api/v1/approvals`."),
  answers: z
    .boolean()
    .describe("Whether the caller answers in place of agents: who does not is refused by `GET /api/v1/handovers`."),
});

const SessionEntry = z.object({
  id: z.string(),
  made: moment,
  last_seen: moment,
  expires_at: moment,
  address: z.string(),
  user_agent: z.string(),
  current: z.boolean().describe("The one that asks."),
});
const SessionList = z.object({ sessions: z.array(SessionEntry).describe("The newest first.") });

/** Who the caller is, tickets, and the sign-ins that it has. */
export function createAuthRoutes(deps: AuthRoutesDeps): Route[] {
  const { signIn, revoke } = deps;
  return [
    methodsRoute(deps),
    meRoute(deps),
    ticketRoute(deps),
    ...(signIn === undefined ? [] : [sessionsRoute(deps, signIn), endSessionRoute(deps, signIn)]),
    ...(signIn === undefined && revoke === undefined ? [] : [signOutEverywhereRoute(deps)]),
  ];
}

function methodsRoute({ signIn, isDevelopment }: AuthRoutesDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/v1/auth/methods",
    summary: "How people can be let in here.",
    access: "anybody",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 200: { description: "The ways beside bringing a token.", content: Methods } },
    async handle() {
      const way = signIn === undefined ? {} : { sign_in: signInPath };
      return jsonReply(200, { ...way, development_tokens: isDevelopment } satisfies z.infer<typeof Methods>);
    },
  });
}

async function admittedIn({ admission }: AuthRoutesDeps, exchange: Exchange): Promise<Admitted> {
  const admitted = await admission.identify(exchange, exchange.whence);
  if (admitted === undefined) throw new ChatError("AUTH_REQUIRED");
  return admitted;
}

function meRoute(deps: AuthRoutesDeps): Route {
  return defineRoute({
    method: "get",
    path: "/api/v1/auth/me",
    summary: "Who the caller is.",
    access: "user",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 200: { description: "The caller.", content: Me } },
    async handle({ exchange }) {
      const { caller, signIn } = await admittedIn(deps, exchange);
      const { user, tenant, roles, scopes, expires } = caller;
      const me: z.infer<typeof Me> = {
        user,
        ...(tenant === undefined ? {} : { tenant }),
        roles,
        ...(scopes === undefined ? {} : { scopes }),
        ...(expires === undefined ? {} : { expires_at: expires }),
        by: signIn === undefined ? "token" : "session",
        approves: deps.may(caller, "approval:decide", { kind: "approval", tenant }).allowed,
        answers: deps.may(caller, "handover:answer", { kind: "handover", tenant }).allowed,
      };
      return jsonReply(200, me);
    },
  });
}

function ticketRoute(deps: AuthRoutesDeps): Route {
  return defineRoute({
    method: "post",
    path: "/api/v1/auth/ticket",
    summary: "Get a ticket for one WebSocket: `?ticket=` in its address, within 30 s, instead of a token.",
    access: "user",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 200: { description: "The ticket. It is its caller, as long as the token lasts.", content: Ticket } },
    async handle({ exchange }) {
      const { identity, signIn } = await admittedIn(deps, exchange);
      const { ticket, expiresAtMs } = await deps.tickets.make({ identity, signIn });
      return jsonReply(200, { ticket, expires_at: expiresAtMs } satisfies z.infer<typeof Ticket>);
    },
  });
}

function sessionsRoute({ may }: AuthRoutesDeps, { sessions }: SignIn): Route {
  return defineRoute({
    method: "get",
    path: "/api/v1/auth/sessions",
    summary: "The caller's sign-ins.",
    access: "user",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 200: { description: "Those that count.", content: SessionList } },
    async handle({ caller }) {
      demand(may(caller, "session:list", { kind: "user", id: caller.user.id }));
      const own = await sessions.list(caller.user.id);
      const list = own.map(({ id, madeMs, seenMs, expiresMs, address, agent }) => ({
        id,
        made: madeMs,
        last_seen: seenMs,
        expires_at: expiresMs,
        address,
        user_agent: agent,
        current: caller.session === revocationName(id),
      }));
      return jsonReply(200, { sessions: list } satisfies z.infer<typeof SessionList>);
    },
  });
}

function endSessionRoute({ may, revoke, signedOut, log }: AuthRoutesDeps, { sessions, cookie }: SignIn): Route {
  return defineRoute({
    method: "delete",
    path: "/api/v1/auth/sessions/:id",
    summary: "End one of the caller's sign-ins.",
    access: "user",
    ...{ params: z.object({ id: z.string().regex(/^[\w-]{43}$/) }), query: nothing, body: nothing },
    responses: { 204: { description: "It has ended, and its sockets are closed." } },
    async handle({ caller }, { params: { id } }) {
      const user = caller.user.id;
      demand(may(caller, "session:end", { kind: "user", id: user }));
      const own = await sessions.list(user);
      if (!own.some((one) => one.id === id)) throw new ChatError("NOT_FOUND", { message: "There is no such sign-in." });
      await endSession({ sessions, revoke, signedOut, log }, { id, user }, caller);
      return caller.session === revocationName(id) ? gone([cookie.clear()]) : gone();
    },
  });
}

function signOutEverywhereRoute({ may, signIn, revoke, signedOut, log }: AuthRoutesDeps): Route {
  return defineRoute({
    method: "delete",
    path: "/api/v1/auth/sessions",
    summary: "Sign out everywhere: ends all the caller's sign-ins, and refuses all tokens that were made before.",
    access: "user",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 204: { description: "All have ended, and their sockets are closed." } },
    async handle({ caller }) {
      const { id } = caller.user;
      demand(may(caller, "session:end", { kind: "user", id }));
      // Both are tried: each of them alone takes something away.
      const results = await Promise.allSettled([revoke?.({ what: "user", id }, caller), signIn?.sessions.endAll(id)]);
      for (const result of results) if (result.status === "rejected") throw toChatError(result.reason);
      await signedOut(id, undefined).catch((err: unknown) => log.warn({ err }, devicesStay));
      return gone(signIn === undefined ? [] : [signIn.cookie.clear()]);
    },
  });
}

/** Whoever sends notices looks at what was revoked, too. */
const devicesStay = "somebody has signed out, and is still listed with the devices that were told of notices";

/**
 * Ends one sign-in of a user: nothing is opened with it any more once it is out of Redis. That every edge is told at once only closes its sockets sooner: they would be looked
 * after within a minute.
 */
export async function endSession(
  { sessions, revoke, signedOut, log }: Pick<SignIn, "sessions"> & Pick<AuthRoutesDeps, "revoke" | "signedOut" | "log">,
  { id, user }: { readonly id: string; readonly user: string },
  by: Caller,
): Promise<void> {
  await sessions.end(user, id);
  await revoke?.({ what: "session", id: revocationName(id), user }, by).catch((err: unknown) => {
    log.warn({ err }, "a sign-in has ended, and the other edges could not be told at once");
  });
  await signedOut(user, revocationName(id)).catch((err: unknown) => log.warn({ err }, devicesStay));
}

function gone(cookies: readonly string[] = []): Reply {
  return { status: 204, headers: { "cache-control": "no-store" }, cookies, body: "" };
}
