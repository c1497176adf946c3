import { createAdmission } from "./admission/admit.ts";
import { noApiKeys } from "./admission/api-keys.ts";
import { openGate } from "./admission/gate.ts";
import type { GateStore } from "./admission/gate-store.ts";
import type { Oidc } from "./admission/oidc.ts";
import { createSessionCookie } from "./admission/session-cookie.ts";
import { createSessionKeeper } from "./admission/session-keeper.ts";
import { createSessions, type SessionTimes } from "./admission/sessions.ts";
import { createTickets } from "./admission/tickets.ts";
import type { Outbox } from "./delivery/outbox.ts";
import type { EdgeOptions } from "./edge.ts";
import type { Revoke } from "./transport/auth-routes.ts";

/** Signing in at the page. */
export interface SignInOptions {
  readonly oidc: Oidc;
  /** Under which address people reach this deployment, without a path. */
  readonly publicOrigin: string;
  readonly times: SessionTimes;
}

/** `admission`: by what somebody is let in. */
export function createAdmissionRoom(options: EdgeOptions, outbox: Outbox) {
  const { tokens, apiKeys = noApiKeys, gate = openGate, isDevelopment, redis, log } = options;
  const signIn = createSignIn(options);
  const keeper = signIn === undefined ? undefined : createSessionKeeper({ sessions: signIn.sessions, outbox, log });
  const tickets = createTickets(redis);
  return {
    admission: createAdmission({ tokens, apiKeys, tickets, signIn, gate, isDevelopment }),
    tickets,
    signIn,
    keeper,
    /** Called with whose sockets are to be closed because their API key is gone. */
    onShut: apiKeys.onShut,
    sweep(nowMs: number): void {
      apiKeys.sweep();
      keeper?.sweep(nowMs);
    },
  };
}

function createSignIn({ redis, signIn }: EdgeOptions) {
  if (redis === undefined || signIn === undefined) return undefined;
  const { oidc, publicOrigin, times } = signIn;
  return {
    oidc,
    cookie: createSessionCookie(publicOrigin),
    sessions: createSessions(redis, times),
    maxMs: times.maxMs,
  };
}

/** A sign-in that has ended is out of Redis too: here it only has to be known until every edge has closed its sockets. */
const endedSessionMs = 600_000;

/** How users end what they hold. */
export function revokerOf({ revoke }: Pick<GateStore, "revoke">): Revoke {
  return async (thing, { user }) => {
    const untilMs = thing.what === "session" ? Date.now() + endedSessionMs : undefined;
    await revoke({ ...thing, untilMs, by: user.id, reason: "signed out" });
  };
}
