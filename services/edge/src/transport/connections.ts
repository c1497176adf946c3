import { setImmediate } from "node:timers/promises";
import { closeCodes, type FrameError } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import type { Shut } from "../admission/gate.ts";
import { dueOf, move, type Deadlines } from "../delivery/connection.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { ConnectionEnd } from "../figures/connection-figures.ts";
import { countOne } from "../figures/metrics.ts";
import { detach, type HubConnection } from "../hub/hub.ts";
import { createBatches } from "./batches.ts";

export interface ConnectionsDeps {
  readonly deadlines: Deadlines;
  readonly outbox: Outbox;
  readonly counters: { readonly shut: Map<Shut["reason"], number> };
  /** Told of each connection that is gone, once. */
  readonly onClosed: (connection: HubConnection, end: ConnectionEnd) => void;
}

export type Connections = ReturnType<typeof createConnections>;

/** 200 closes block the event loop for some 15 ms; all 8,000 of a full process at once would block it for 600. */
const goodbyeBatch = 200;
const goodbyeEveryMs = 50;
/** Clients come back spread over this time, whatever they were told to wait at least. */
const comeBackWithinMs = 5_000;
/** A socket that is destroyed with unread bytes in it takes its own last bytes along. */
const partingMs = 100;

/** Some 2 ms of closing; then others have their turn. */
const shutBatch = 25;
/** So long after somebody was shut out, whoever was let in while that came to be known is looked for: a request may still read its body, or look its turn up. */
const lookAgainMs = 15_000;

/** All sockets of this process. */
export function createConnections({ deadlines, outbox, counters, onClosed }: ConnectionsDeps) {
  const all = new Set<HubConnection>();
  /** Those that are looked for again, each reason once: what it matches is all that is known by then. */
  const shuts = new Map<Shut["reason"], { readonly shut: Shut; readonly untilMs: number }>();

  const shutOut = async (shut: Shut): Promise<void> => {
    const found = [...all].filter((connection) => shut.matches(connection));
    // All of them first: nothing more is done for any, nor sent to it.
    for (const connection of found) if (connection.transport === "websocket") silence(connection);
    for (let first = 0; first < found.length; first += shutBatch) {
      for (const connection of found.slice(first, first + shutBatch)) {
        if (connection.closeCode === undefined && connection.ws !== undefined) countOne(counters.shut, shut.reason);
        end(outbox, connection, shut.reason);
      }
      await setImmediate();
    }
  };

  const handleDue = (connection: HubConnection, nowMs: number): void => {
    switch (dueOf(connection, deadlines, nowMs)) {
      case "no token in time":
        return outbox.close(connection, closeCodes.authDeadline, "authentication took too long");
      case "token ran out":
        return outbox.close(connection, closeCodes.tokenExpired, "the token has expired");
      case "token runs out": {
        connection.isWarned = true;
        const expires_in_ms = Math.max(0, Math.round(connection.expiresMs - nowMs));
        outbox.sendFrame(connection, { type: "auth_expiring", expires_in_ms });
        return;
      }
      default:
    }
  };

  // Many tokens may run out within a second, and those that were warned come for new ones together.
  const due = createBatches<HubConnection>((connection) => handleDue(connection, performance.now()));

  return {
    get size() {
      return all.size;
    },
    add: (connection: HubConnection): unknown => all.add(connection),

    /** The socket is gone. */
    closed(connection: HubConnection, end: ConnectionEnd): void {
      onClosed(connection, end);
      move(connection, "closed");
      outbox.forget(connection);
      connection.ws = undefined;
      connection.inbox = undefined;
      all.delete(connection);
      leaveAll(connection);
    },

    /** Once a second: one loop over all sockets costs less than a timer for each. */
    sweep(nowMs: number): void {
      const found: HubConnection[] = [];
      for (const connection of all) if (dueOf(connection, deadlines, nowMs) !== "nothing") found.push(connection);
      due.add(found);
      for (const [reason, { shut, untilMs }] of shuts) {
        if (nowMs > untilMs) shuts.delete(reason);
        else void shutOut(shut);
      }
    },

    stop: due.stop,

    /** Closes whoever it matches, a few at a time, and whoever comes to match it within 15 s. */
    shut(shut: Shut): void {
      shuts.set(shut.reason, { shut, untilMs: performance.now() + lookAgainMs });
      void shutOut(shut);
    },

    /** Tells everybody to come back, to another process, and closes; in batches. */
    async sayGoodbye(): Promise<void> {
      const leaving = [...all];
      for (let first = 0; first < leaving.length; first += goodbyeBatch) {
        for (const connection of leaving.slice(first, first + goodbyeBatch)) sayGoodbyeTo(outbox, connection);
        await sleep(goodbyeEveryMs);
      }
      if (leaving.length > 0) await sleep(partingMs);
    },
  };
}

function leaveAll({ viewers }: HubConnection): void {
  for (const viewer of viewers.values()) detach(viewer);
  viewers.clear();
}

function silence(connection: HubConnection): void {
  move(connection, "closed");
  leaveAll(connection);
}

const endings = {
  revoked: { code: closeCodes.badToken, error: "AUTH_INVALID", sentence: "The session was ended." },
  "key removed": { code: closeCodes.badToken, error: "AUTH_INVALID", sentence: "The API key was taken back." },
  "key changed": {
    code: closeCodes.tokenExpired,
    error: "AUTH_EXPIRED",
    sentence: "The API key has other rights now.",
  },
  blocked: { code: closeCodes.policy, error: "RATE_LIMITED", sentence: "You are blocked for a time." },
} as const;

/** A request is told in its answer; if that does not leave, it is cut the next time. */
function end(outbox: Outbox, connection: HubConnection, reason: Shut["reason"]): void {
  const { code, error, sentence } = endings[reason];
  if (connection.transport === "websocket" || connection.closeCode !== undefined)
    return outbox.close(connection, code, sentence);
  connection.closeCode = code;
  const frame: FrameError = { type: "error", code: error, error: sentence, retryable: reason === "blocked" };
  outbox.cork(connection, () => outbox.sendFrame(connection, frame));
}

function sayGoodbyeTo(outbox: Outbox, connection: HubConnection): void {
  const reconnect_after_ms = Math.round(Math.random() * comeBackWithinMs);
  outbox.cork(connection, () => {
    outbox.sendFrame(connection, { type: "going_away", reconnect_after_ms });
    outbox.close(connection, closeCodes.goingAway, "going away");
  });
}
