import type { Logger } from "@parley/runtime";
import { createAdmission } from "./admission/admit.ts";
import { noApiKeys, type ApiKeys } from "./admission/api-keys.ts";
import type { GateStore } from "./admission/gate-store.ts";
import { openGate, type Gate, type Shut } from "./admission/gate.ts";
import type { Oidc } from "./admission/oidc.ts";
import { createSessionCookie } from "./admission/session-cookie.ts";
import { createSessionKeeper } from "./admission/session-keeper.ts";
import { createSessions, type SessionTimes } from "./admission/sessions.ts";
import { createTickets } from "./admission/tickets.ts";
import type { Tokens } from "./admission/tokens.ts";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import type { Outbox } from "./delivery/outbox.ts";
import type { Revoke } from "./transport/auth-routes.ts";

/** Signing in at the page. */
interface SignInOptions {
  readonly oidc: Oidc;
  /** Under which address people reach this deployment, without a path. */
  readonly publicOrigin: string;
  readonly times: SessionTimes;
}

/** By what somebody is let in, beside tokens. */
export interface WaysIn {
  /** Default: none. */
  readonly apiKeys?: Pick<ApiKeys, "identify" | "isCurrent" | "onShut" | "sweep">;
  /** Signing in at the page, which needs Redis. Default: nobody can. */
  readonly signIn?: SignInOptions | undefined;
  /** Default: nothing can be revoked but sign-ins. */
  readonly revoke?: Revoke;
}

interface AdmissionRoomOptions extends WaysIn {
  readonly tokens: Tokens;
  readonly gate?: Gate;
  readonly redis?: Redis;
  readonly isDevelopment: boolean;
  readonly log: Logger;
}

/** `admission`: who is let in, by what, and for how long. `shut` closes sockets. */
export function createAdmissionRoom(options: AdmissionRoomOptions, outbox: Outbox, shut: (shut: Shut) => void) {
  const { tokens, apiKeys = noApiKeys, gate = openGate, revoke, isDevelopment, redis, log } = options;
  const signIn = createSignIn(options);
  const keeper = signIn === undefined ? undefined : createSessionKeeper({ sessions: signIn.sessions, outbox, log });
  const tickets = createTickets(redis);
  const stops = [gate.onShut(shut), apiKeys.onShut(shut)];
  return {
    admission: createAdmission({ tokens, apiKeys, tickets, signIn, gate, isDevelopment }),
    tickets,
    signIn,
    keeper,
    revoke,
    sweep(nowMs: number): void {
      apiKeys.sweep();
      keeper?.sweep(nowMs);
    },
    close(): void {
      for (const stop of stops) stop();
    },
  };
}

function createSignIn({ redis, signIn }: AdmissionRoomOptions) {
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
