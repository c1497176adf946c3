import type { Logger } from "@parley/runtime";
import { createAdmission } from "./admission/admit.ts";
import { noApiKeys, type ApiKeys } from "./admission/api-keys.ts";
import { openGate, type Gate } from "./admission/gate.ts";
import type { GateStore } from "./admission/gate-store.ts";
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
export interface SignInOptions {
  readonly oidc: Oidc;
  /** Under which address people reach this deployment, without a path. */
  readonly publicOrigin: string;
  readonly times: SessionTimes;
}

/** What decides who is let in. */
interface DoorOptions {
  readonly tokens: Tokens;
  readonly apiKeys?: Pick<ApiKeys, "identify" | "isCurrent" | "onShut" | "sweep">;
  readonly signIn?: SignInOptions | undefined;
  readonly gate?: Gate;
  readonly redis?: Redis;
  readonly isDevelopment: boolean;
  readonly log: Logger;
}

/** `admission`: by what somebody is let in. */
export function createAdmissionRoom(options: DoorOptions, outbox: Outbox) {
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

function createSignIn({ redis, signIn }: DoorOptions) {
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
