import { knowsUnknown, nativeDialect, nativeDialectOf } from "@parley/dialects";
import { ChatError, closeCodes, toChatError, type Caller, type ErrorCode } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { move, type Connection } from "../delivery/connection.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { countOne } from "../figures/metrics.ts";
import type { Identity } from "./identity.ts";
import type { Admission } from "./admit.ts";

type Admitted = Awaited<ReturnType<Admission["byToken"]>>;

export interface AuthDeps {
  readonly admission: Admission;
  readonly outbox: Outbox;
  /** Before a connection becomes its user's. Throws what keeps it from that. */
  readonly onIdentified: (connection: Connection, caller: Caller) => void;
  readonly counters: { errors: Map<ErrorCode, number> };
  readonly log: Logger;
}

/** `auth`: opens the connection, or extends one that is open. A bad token is answered and ends the connection. */
export function createAuthHandler({ admission, outbox, onIdentified, counters, log }: AuthDeps) {
  const accept = (connection: Connection, { caller, identity }: Admitted): void => {
    const { user, expiresAtMs } = identity;
    if (connection.caller !== undefined && !isSame(connection.caller, caller)) {
      throw new ChatError("AUTH_INVALID", { message: "The token belongs to another user." });
    }
    onIdentified(connection, caller);
    if (!move(connection, "ready")) return;
    connection.caller = caller;
    connection.expiresMs = performance.now() + expiresAtMs - Date.now();
    connection.isWarned = false;
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

  /** `knows`: what the client says that it understands; undefined: as before. */
  return async (connection: Connection, token: string, knows?: readonly string[]): Promise<void> => {
    try {
      accept(connection, await admission.byToken(token, connection));
      if (knows !== undefined) announce(connection, knows);
    } catch (thrown) {
      refuse(connection, toChatError(thrown));
    }
  };
}

/** What a connection looks at was its user's of one tenant: with another it opens another connection. */
function isSame(before: Caller, now: Caller): boolean {
  return before.user.id === now.user.id && before.tenant === now.tenant;
}

/** Whose token it was, for the log. */
function auditOf({ user, issuer, tenant, roles }: Identity) {
  return { user: user.id, issuer, tenant, roles };
}

/** A client whose dialect is not known yet may turn out to be a native one. */
function announce(connection: Connection, knows: readonly string[]): void {
  connection.knowsUnknown = knowsUnknown(knows);
  if (connection.dialect.name === nativeDialect.name) connection.dialect = nativeDialectOf(connection);
}

function reasonOf({ cause, message }: ChatError): string {
  return cause instanceof Error ? cause.message : message;
}
