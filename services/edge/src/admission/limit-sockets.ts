import { ChatError, closeCodes, type CountName, type Limits } from "@parley/protocol";
import type { Connection } from "../delivery/connection.ts";
import type { LimitRefusals } from "./limit-refusals.ts";
import { createTallies, type TalliesDeps } from "./limit-tallies.ts";
import type { Whence } from "./address.ts";

export interface SocketLimitsDeps extends Pick<TalliesDeps, "redis" | "edge"> {
  readonly current: () => Limits;
  readonly refusals: LimitRefusals;
}

/** A connection is counted as `opening` until it is known whose it is, and as one of its address from the beginning to the end. */
type Counted = Pick<Connection, "address" | "isExempt" | "counted" | "caller">;

export type SocketLimits = ReturnType<typeof createSocketLimits>;

const openingRetryMs = 5_000;
const socketsRetryMs = 10_000;

/** Sockets, and requests that wait or stream: of each address, of each user, and those of nobody yet. */
export function createSocketLimits({ redis, edge, current, refusals }: SocketLimitsDeps) {
  const users = createTallies({ redis, edge, what: "user", most: () => current().sockets_per_user });
  const addresses = createTallies({ redis, edge, what: "address", most: () => current().sockets_per_address });
  const openingOf = new Map<string, number>();
  let opening = 0;

  const limitFor = (address: string): CountName | undefined => {
    const { opening_sockets: most, opening_sockets_per_address: mostOfOne } = current();
    if ((openingOf.get(address) ?? 0) >= mostOfOne) return "opening_sockets_per_address";
    if (addresses.isFull(address)) return "sockets_per_address";
    return opening >= most ? "opening_sockets" : undefined;
  };

  const endOpening = ({ address }: Counted): void => {
    opening--;
    const left = (openingOf.get(address) ?? 0) - 1;
    if (left > 0) openingOf.set(address, left);
    else openingOf.delete(address);
  };

  const addUser = (connection: Counted, userId: string): void => {
    connection.counted = "user";
    users.add(userId);
  };

  const refuseUser = (address: string, userId: string): boolean => {
    if (!users.isFull(userId)) return false;
    refusals.note("sockets_per_user", { address, userId }, "too many sockets");
    return true;
  };

  return {
    /** Why no socket is opened; undefined: it may be. */
    refusal({ address, isExempt }: Whence): ChatError | undefined {
      const limit = isExempt ? undefined : limitFor(address);
      if (limit === undefined) return undefined;
      if (limit === "opening_sockets") {
        refusals.count(limit);
        return new ChatError("OVERLOADED", { retryAfterMs: openingRetryMs });
      }
      refusals.note(limit, { address }, "too many sockets");
      return new ChatError("RATE_LIMITED", { retryAfterMs: socketsRetryMs });
    },

    /** A socket whose user is not known yet. */
    opened(connection: Counted): void {
      if (connection.isExempt) return;
      connection.counted = "opening";
      opening++;
      openingOf.set(connection.address, (openingOf.get(connection.address) ?? 0) + 1);
      addresses.add(connection.address);
    },

    /** Before it is known as its user's. Throws QUOTA_EXCEEDED, which closes it. */
    identifying(connection: Counted, userId: string): void {
      if (connection.counted !== "opening" || !refuseUser(connection.address, userId)) return;
      const message = "You have too many connections open. Close some of them first.";
      throw new ChatError("QUOTA_EXCEEDED", { message, close: closeCodes.tooManyConnections });
    },

    /** It is known as its user's now, if it has one; to be called as often as one likes. */
    identified(connection: Counted): void {
      if (connection.counted !== "opening" || connection.caller === undefined) return;
      endOpening(connection);
      addUser(connection, connection.caller.user.id);
    },

    /** A request that waits or streams, whose user is known. Throws RATE_LIMITED. */
    requested(connection: Counted, userId: string): void {
      if (connection.isExempt) return;
      const { address } = connection;
      if (addresses.isFull(address)) refusals.note("sockets_per_address", { address }, "too many sockets");
      else if (!refuseUser(address, userId)) {
        addresses.add(address);
        return addUser(connection, userId);
      }
      throw new ChatError("RATE_LIMITED", { retryAfterMs: socketsRetryMs });
    },

    closed(connection: Counted): void {
      const { counted, address, caller } = connection;
      connection.counted = "no";
      if (counted === "no") return;
      addresses.remove(address);
      if (counted === "opening") endOpening(connection);
      else if (caller !== undefined) users.remove(caller.user.id);
    },

    sweep(nowMs: number): void {
      users.sweep(nowMs);
      addresses.sweep(nowMs);
    },
    stats: () => ({ opening }),
    close(): void {
      users.close();
      addresses.close();
    },
  };
}
