import { ChatError, closeCodes, type Limits } from "@parley/protocol";
import type { Connection } from "../delivery/connection.ts";
import type { LimitRefusals } from "./limit-refusals.ts";
import { createTallies, type TalliesDeps } from "./limit-tallies.ts";
import type { Whence } from "./address.ts";
import type { Shed } from "./overload.ts";

export interface SocketLimitsDeps extends Pick<TalliesDeps, "redis" | "edge"> {
  readonly current: () => Limits;
  readonly refusals: LimitRefusals;
}

/** A connection is counted as `opening` until it is known whose it is, and as one of its address from the beginning to the end. */
type Counted = Pick<Connection, "address" | "isExempt" | "counted" | "caller">;

const openingRetryMs = 5_000;
const socketsRetryMs = 10_000;

/** Sockets, and requests that wait or stream: of each address, of each user, and those of nobody yet. */
export function createSocketLimits({ redis, edge, current, refusals }: SocketLimitsDeps) {
  const users = createTallies({ redis, edge, what: "user", most: () => current().sockets_per_user });
  const addresses = createTallies({ redis, edge, what: "address", most: () => current().sockets_per_address });
  const opening = createOpening(current);
  const become = (connection: Counted, userId: string): void => {
    connection.counted = "user";
    users.add(userId);
  };
  return {
    ...createSocketRefusals({ users, addresses, opening, refusals }),

    /** A socket whose user is not known yet. */
    opened(connection: Counted): void {
      if (connection.isExempt) return;
      connection.counted = "opening";
      opening.add(connection.address);
      addresses.add(connection.address);
    },

    /** It is known as its user's now, if it has one; to be called as often as one likes. */
    identified(connection: Counted): void {
      if (connection.counted !== "opening" || connection.caller === undefined) return;
      opening.remove(connection.address);
      become(connection, connection.caller.user.id);
    },

    /** It is another user's from now on: the cookie that it came with was not meant. */
    changing({ counted, caller }: Counted, userId: string): void {
      if (counted !== "user" || caller === undefined || caller.user.id === userId) return;
      users.remove(caller.user.id);
      users.add(userId);
    },

    /** A request that waits or streams is its user's from the beginning. */
    requested(connection: Counted, userId: string): void {
      if (connection.isExempt) return;
      addresses.add(connection.address);
      become(connection, userId);
    },

    closed(connection: Counted): void {
      const { counted, address, caller } = connection;
      connection.counted = "no";
      if (counted === "no") return;
      addresses.remove(address);
      if (counted === "opening") opening.remove(address);
      else if (caller !== undefined) users.remove(caller.user.id);
    },

    sweep(nowMs: number): void {
      users.sweep(nowMs);
      addresses.sweep(nowMs);
    },
    stats: () => ({ opening: opening.size() }),
    close(): void {
      users.close();
      addresses.close();
    },
  };
}

interface SocketRefusalsDeps extends Pick<SocketLimitsDeps, "refusals"> {
  readonly users: ReturnType<typeof createTallies>;
  readonly addresses: ReturnType<typeof createTallies>;
  readonly opening: ReturnType<typeof createOpening>;
}

/** Why there shall be no further one. */
function createSocketRefusals({ users, addresses, opening, refusals }: SocketRefusalsDeps) {
  const isUserFull = (address: string, userId: string): boolean => {
    if (!users.isFull(userId)) return false;
    refusals.note("sockets_per_user", { address, userId }, "too many sockets");
    return true;
  };
  const isAddressFull = (address: string): boolean => {
    if (!addresses.isFull(address)) return false;
    refusals.note("sockets_per_address", { address }, "too many sockets");
    return true;
  };
  return {
    /** Why no socket is opened; undefined: it may be. */
    refusal({ address, isExempt }: Whence): ChatError | undefined {
      if (isExempt) return undefined;
      if (opening.isAddressFull(address)) refusals.note("opening_sockets_per_address", { address }, "too many sockets");
      else if (!isAddressFull(address)) return opening.isFull() ? refusals.overloaded(tooManyOpening) : undefined;
      return new ChatError("RATE_LIMITED", { retryAfterMs: socketsRetryMs });
    },

    /** Before it is known as its user's. Throws QUOTA_EXCEEDED, which closes it. */
    identifying(connection: Counted, userId: string): void {
      if (connection.counted !== "opening" || !isUserFull(connection.address, userId)) return;
      const message = "You have too many connections open. Close some of them first.";
      throw new ChatError("QUOTA_EXCEEDED", { message, close: closeCodes.tooManyConnections });
    },

    /** Before a request waits or streams. Throws RATE_LIMITED. */
    requesting({ isExempt, address }: Whence, userId: string): void {
      if (isExempt || (!isAddressFull(address) && !isUserFull(address, userId))) return;
      throw new ChatError("RATE_LIMITED", { retryAfterMs: socketsRetryMs });
    },
  };
}

const tooManyOpening: Shed = { limit: "opening_sockets", retryAfterMs: openingRetryMs };

/** Sockets that have shown no token yet, of this process. */
function createOpening(current: () => Limits) {
  const byAddress = new Map<string, number>();
  let all = 0;
  return {
    size: (): number => all,
    isFull: (): boolean => all >= current().opening_sockets,
    isAddressFull: (address: string): boolean => (byAddress.get(address) ?? 0) >= current().opening_sockets_per_address,
    add(address: string): void {
      all++;
      byAddress.set(address, (byAddress.get(address) ?? 0) + 1);
    },
    remove(address: string): void {
      all--;
      const left = (byAddress.get(address) ?? 0) - 1;
      if (left > 0) byAddress.set(address, left);
      else byAddress.delete(address);
    },
  };
}
