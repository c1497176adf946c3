import { closeCodes } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import type { Gate } from "../admission/gate.ts";
import { dueOf, move, type Deadlines } from "../delivery/connection.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { ConnectionEnd } from "../figures/connection-figures.ts";
import { detach, type HubConnection } from "../hub/hub.ts";
import { createBatches } from "./batches.ts";
import { createShutting, type ShuttingDeps } from "./shutting.ts";

export interface ConnectionsDeps {
  readonly deadlines: Deadlines;
  readonly outbox: Outbox;
  readonly counters: ShuttingDeps["counters"];
  /** Told of what counts against whoever does it. */
  readonly note: Gate["note"];
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

/** All sockets of this process. */
export function createConnections({ deadlines, outbox, counters, note, onClosed }: ConnectionsDeps) {
  const all = new Set<HubConnection>();
  const shutting = createShutting({ all, outbox, counters, leaveAll });

  const handleDue = (connection: HubConnection, nowMs: number): void => {
    switch (dueOf(connection, deadlines, nowMs)) {
      case "no token in time":
        note("no token in time", offenderOf(connection));
        return outbox.close(connection, closeCodes.authDeadline, "authentication took too long");
      case "token ran out":
        return outbox.close(connection, closeCodes.tokenExpired, "the token has expired");
      case "token runs out":
        return warn(outbox, connection, nowMs);
      default:
    }
  };

  // Many tokens may run out within a second.
  const due = createBatches<HubConnection>((connection) => handleDue(connection, performance.now()));

  return {
    get size() {
      return all.size;
    },
    add: (connection: HubConnection): unknown => all.add(connection),

    /** The socket is gone. */
    closed(connection: HubConnection, end: ConnectionEnd): void {
      onClosed(connection, end);
      if (connection.closeCode === closeCodes.protocolAbuse) note("invalid frame", offenderOf(connection));
      move(connection, "closed");
      outbox.forget(connection);
      connection.ws = undefined;
      connection.inbox = undefined;
      for (const user of connection.acting?.users.values() ?? []) endUser(user);
      all.delete(connection);
      leaveAll(connection);
    },

    /** Once a second: one loop over all sockets costs less than a timer for each. */
    sweep(nowMs: number): void {
      due.add(all, (connection) => dueOf(connection, deadlines, nowMs) !== "nothing");
      shutting.sweep(nowMs);
    },

    shut: shutting.shut,
    stop: due.stop,

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

/** What a gateway's connection has asked for a user ends with it. */
function endUser(user: HubConnection): void {
  move(user, "closed");
  user.ws = undefined;
  leaveAll(user);
}

function warn(outbox: Outbox, connection: HubConnection, nowMs: number): void {
  connection.isWarned = true;
  const expires_in_ms = Math.max(0, Math.round(connection.expiresMs - nowMs));
  outbox.sendFrame(connection, { type: "auth_expiring", expires_in_ms });
}

function offenderOf({ address, caller }: HubConnection): Parameters<Gate["note"]>[1] {
  return { address, userId: caller?.user.id };
}

function leaveAll({ viewers }: HubConnection): void {
  for (const viewer of viewers.values()) detach(viewer);
  viewers.clear();
}

function sayGoodbyeTo(outbox: Outbox, connection: HubConnection): void {
  const reconnect_after_ms = Math.round(Math.random() * comeBackWithinMs);
  outbox.cork(connection, () => {
    outbox.sendFrame(connection, { type: "going_away", reconnect_after_ms });
    outbox.close(connection, closeCodes.goingAway, "going away");
  });
}
