import { randomBytes } from "node:crypto";
import {
  aiSdkDialect,
  createDialectA,
  createDialectC,
  dialectOfFrame,
  nativeDialectOf,
  responsesDialect,
  undecidedDialect,
  type DialectName,
  type IsOwn,
} from "@parley/dialects";
import { limits, parseObject, type Caller, type ConnectionFrame } from "@parley/protocol";
import { developer } from "../admission/admit.ts";
import { move, type Connection } from "../delivery/connection.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { countOne } from "../figures/metrics.ts";

export interface DialectChooserDeps {
  readonly outbox: Outbox;
  readonly isOwn: IsOwn;
  /** How long events are kept. */
  readonly eventWindowMs: number;
  readonly counters: { dialects: Map<string, number> };
}

/**
 * Chooses the dialect of a connection that came without a subprotocol, by its first chat frame; once, for good. Throws ChatError when the
 * text is not a frame at all.
 */
export function createDialectChooser({ outbox, isOwn, eventWindowMs, counters }: DialectChooserDeps) {
  const choose = (connection: Connection, name: DialectName): void => {
    switch (name) {
      case "native":
        connection.dialect = nativeDialectOf(connection);
        outbox.sendFrame(connection, welcomeOf(connection, eventWindowMs));
        return;
      case "A": {
        const isAnonymous = connection.caller === undefined && connection.mayBeAnonymous;
        connection.dialect = createDialectA({ isAnonymous });
        if (isAnonymous) become(connection, anonymous(connection.address));
        return;
      }
      case "C":
        connection.dialect = createDialectC({ isOwn });
    }
  };

  return (connection: Connection, text: string): void => {
    // As for their requests over HTTP, so that a chat goes on over either.
    const { dialect, caller, mayBeAnonymous } = connection;
    if (alsoOverHttp.has(dialect.name) && caller === undefined && mayBeAnonymous)
      become(connection, developer(connection.address));
    if (dialect !== undecidedDialect) return;
    const name = dialectOfFrame(parseObject(text));
    // Clients that have no tokens send nothing but messages of dialect A.
    if (name !== "A") connection.mayBeAnonymous = false;
    if (name === undefined) return;
    choose(connection, name);
    countOne(counters.dialects, name);
  };
}

/** Dialects of sockets whose clients do without a token over HTTP as well, in development. */
const alsoOverHttp: ReadonlySet<string> = new Set([aiSdkDialect, responsesDialect]);

/** Clients of seed A have no tokens at all. In development each of their connections is a user of its own. */
const anonymous = (address: string): Caller => ({
  user: { id: `dev-anonymous-${randomBytes(9).toString("base64url")}` },
  roles: [],
  address,
});

function become(connection: Connection, caller: Caller): void {
  if (!move(connection, "ready")) return;
  connection.caller = caller;
  connection.expiresMs = Infinity;
}

/** What a client is told to send a `ping` after, when it has sent nothing else: browsers cannot see protocol pings. */
const heartbeatMs = 20_000;

/** The first frame of the native dialect. */
export function welcomeOf({ id }: { readonly id: string }, resumeWindowMs: number): ConnectionFrame {
  return {
    type: "welcome",
    connection_id: id,
    auth_required: true,
    heartbeat_ms: heartbeatMs,
    max_message_bytes: limits.messageBytes,
    resume_window_ms: resumeWindowMs,
  };
}
