import { knowsBatches, knowsPosts, knowsUnknown, nativeDialect, nativeDialectOf } from "@parley/dialects";
import { ChatError, closeCodes, toChatError, type Caller, type ErrorCode } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { move, type Connection } from "../delivery/connection.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { countOne } from "../figures/metrics.ts";
import type { Credential } from "../credential.ts";
import type { Admission, Admitted } from "./admit.ts";
import type { Identity } from "./identity.ts";
import type { SessionKeeper } from "./session-keeper.ts";

export interface AuthDeps {
  readonly admission: Admission;
  /** Undefined: nobody can sign in here. */
  readonly keeper: Pick<SessionKeeper, "keep"> | undefined;
  readonly outbox: Outbox;
  /** Before a connection becomes its user's. Throws what keeps it from that. */
  readonly onIdentified: (connection: Connection, caller: Caller) => void;
  readonly counters: { errors: Map<ErrorCode, number> };
  readonly log: Logger;
}

/**
 * A cookie comes by itself, also when it is an old one: the socket stays as it is, and a token may follow. A client of ours hears of it, not as an `auth_error`: it may have sent a
 * token meanwhile.
 */
function createPassOver({ outbox, log }: Pick<AuthDeps, "outbox" | "log">) {
  return (connection: Connection, { message, code, retryable, cause }: ChatError): void => {
    log.debug(
      { connection: connection.id, code, reason: cause instanceof Error ? cause.message : undefined },
      "the cookie of a socket was passed over",
    );
    if (connection.dialect.name !== nativeDialect.name) return;
    outbox.sendFrame(connection, { type: "error", error: message, code, retryable });
  };
}

/** `auth`, or what the socket was opened with: opens the connection, or extends one that is open. A bad token is answered and ends the connection. */
export function createAuthHandler({ admission, keeper, outbox, onIdentified, counters, log }: AuthDeps) {
  const passOver = createPassOver({ outbox, log });
  const accept = (connection: Connection, { caller, identity, signIn }: Admitted): void => {
    const { user, expiresAtMs } = identity;
    if (connection.caller !== undefined && !isSame(connection.caller, caller) && !isOpenedByItself(connection)) {
      throw new ChatError("AUTH_INVALID", { message: "The token belongs to another user." });
    }
    onIdentified(connection, caller);
    if (!move(connection, "ready")) return;
    connection.caller = caller;
    connection.expiresMs = performance.now() + expiresAtMs - Date.now();
    connection.isWarned = false;
    connection.session = undefined;
    if (signIn !== undefined) keeper?.keep(connection, signIn);
    log.debug({ connection: connection.id, ...auditOf(identity) }, "a token was accepted");
    outbox.sendFrame(connection, {
      type: "auth_success",
      message: "Authentication successful.",
      user,
      expires_at: expiresAtMs,
    });
  };

  const refuse = (connection: Connection, error: ChatError): void => {
    countOne(counters.errors, error.code);
    log.info({ connection: connection.id, code: error.code, reason: reasonOf(error) }, "a token was refused");
    const code = error.close ?? closeCodes.badToken;
    outbox.cork(connection, () => {
      outbox.sendFrame(connection, { type: "auth_error", message: error.message, code: error.code });
      outbox.close(connection, code, error.message);
    });
  };

  /** `knows`: what the client says that it understands; undefined: as before. Without a credential the connection stays whose it is. */
  return async (
    connection: Connection,
    credential: Credential | undefined,
    knows?: readonly string[],
  ): Promise<void> => {
    try {
      if (credential !== undefined) accept(connection, await admission.byCredential(credential, connection));
      if (knows !== undefined) announce(connection, knows);
    } catch (thrown) {
      const error = toChatError(thrown);
      if (credential?.kind === "session") passOver(connection, error);
      else refuse(connection, error);
    }
  };
}

/** What a connection looks at was its user's of one tenant: with another it opens another connection. */
function isSame(before: Caller, now: Caller): boolean {
  return before.user.id === now.user.id && before.tenant === now.tenant;
}

/** A browser sent the cookie of a sign-in by itself, and nothing was done with it yet: a token that is sent then is what its page wants to be. */
function isOpenedByItself({ session, viewers, left, hasSubscribed, asked, asideCount }: Connection): boolean {
  return (
    session !== undefined &&
    viewers.size === 0 &&
    left === undefined &&
    !hasSubscribed &&
    asked === undefined &&
    asideCount === 0
  );
}

/** Whose token it was, for the log. */
function auditOf({ user, issuer, tenant, roles }: Identity) {
  return { user: user.id, issuer, tenant, roles };
}

/** A client whose dialect is not known yet may turn out to be a native one. */
function announce(connection: Connection, knows: readonly string[]): void {
  connection.knowsUnknown = knowsUnknown(knows);
  connection.knowsPosts = knowsPosts(knows);
  if (connection.dialect.name !== nativeDialect.name) return;
  connection.dialect = nativeDialectOf(connection);
  connection.knowsBatches = knowsBatches(knows);
}

function reasonOf({ cause, message }: ChatError): string {
  return cause instanceof Error ? cause.message : message;
}
