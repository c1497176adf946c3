import { knowsUnknown, nativeDialect, nativeDialectOf } from "@parley/dialects";
import { ChatError, closeCodes, toChatError, type ErrorCode } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { move, type Connection } from "../delivery/connection.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { countOne } from "../figures/metrics.ts";
import type { Identity, Tokens } from "./tokens.ts";

export interface AuthDeps {
  readonly tokens: Tokens;
  readonly outbox: Outbox;
  readonly counters: { errors: Map<ErrorCode, number> };
  readonly log: Logger;
}

/** `auth`: opens the connection, or extends one that is open. A bad token is answered and ends the connection. */
export function createAuthHandler({ tokens, outbox, counters, log }: AuthDeps) {
  const accept = (connection: Connection, { user, expiresAtMs }: Identity): void => {
    if (connection.user !== undefined && connection.user.id !== user.id) {
      throw new ChatError("AUTH_INVALID", { message: "The token belongs to another user." });
    }
    if (!move(connection, "ready")) return;
    connection.user = user;
    connection.expiresMs = performance.now() + expiresAtMs - Date.now();
    connection.isWarned = false;
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
    const code = error.code === "AUTH_EXPIRED" ? closeCodes.tokenExpired : closeCodes.badToken;
    outbox.cork(connection, () => {
      outbox.sendFrame(connection, { type: "auth_error", message: error.message, code: error.code });
      outbox.close(connection, code, error.message);
    });
  };

  /** `knows`: what the client says that it understands; undefined: as before. */
  return async (connection: Connection, token: string, knows?: readonly string[]): Promise<void> => {
    try {
      accept(connection, await tokens.verify(token));
      if (knows !== undefined) announce(connection, knows);
    } catch (thrown) {
      refuse(connection, toChatError(thrown));
    }
  };
}

/** A client whose dialect is not known yet may turn out to be a native one. */
function announce(connection: Connection, knows: readonly string[]): void {
  connection.knowsUnknown = knowsUnknown(knows);
  if (connection.dialect.name === nativeDialect.name) connection.dialect = nativeDialectOf(connection);
}

function reasonOf({ cause, message }: ChatError): string {
  return cause instanceof Error ? cause.message : message;
}
