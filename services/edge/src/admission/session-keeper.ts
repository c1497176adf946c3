import { closeCodes } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Connection } from "../delivery/connection.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { Sessions, SignedIn } from "./sessions.ts";

export interface SessionKeeperDeps {
  readonly sessions: Pick<Sessions, "touch" | "look">;
  readonly outbox: Pick<Outbox, "close">;
  readonly log: Logger;
  /** Default: a minute. */
  readonly everyMs?: number;
}

/** A sign-in with sockets here. */
interface Kept {
  readonly sockets: Set<Connection>;
  /** When it is looked at next (a `performance.now`). */
  nextMs: number;
  /** Up to when what its user did is written (a `performance.now`). */
  toldMs: number;
}

export type SessionKeeper = ReturnType<typeof createSessionKeeper>;

/**
 * Lets sockets that were opened with a cookie live as long as its sign-in: what their user does keeps the sign-in, what happened elsewhere keeps them, and its end closes
 * them. One command for each sign-in in a minute, however many sockets and frames it has.
 */
export function createSessionKeeper({ sessions, outbox, log, everyMs = 60_000 }: SessionKeeperDeps) {
  const kept = new Map<string, Kept>();

  const look = async (id: string, one: Kept): Promise<void> => {
    const lastMs = Math.max(...[...one.sockets].map(({ session }) => session?.activeMs ?? 0));
    const isActive = lastMs > one.toldMs;
    const found = await (isActive ? sessions.touch(id) : sessions.look(id));
    if (isActive) one.toldMs = lastMs;
    for (const socket of one.sockets) settle(socket, found);
  };

  const settle = (socket: Connection, found: SignedIn | undefined): void => {
    if (socket.state !== "ready") return;
    if (found === undefined) return outbox.close(socket, closeCodes.tokenExpired, "the sign-in has ended");
    const expiresMs = performance.now() + found.identity.expiresAtMs - Date.now();
    // The client was told of an end that does not come now.
    if (expiresMs > socket.expiresMs) socket.isWarned = false;
    socket.expiresMs = expiresMs;
  };

  return {
    keep(socket: Connection, id: string): void {
      const nowMs = performance.now();
      socket.session = { id, activeMs: nowMs };
      const one = kept.get(id) ?? {
        sockets: new Set(),
        nextMs: nowMs + everyMs * (0.5 + Math.random() / 2),
        toldMs: nowMs,
      };
      one.sockets.add(socket);
      kept.set(id, one);
    },

    /** By the clock. */
    sweep(nowMs: number): void {
      for (const [id, one] of kept) {
        for (const socket of one.sockets) {
          if (socket.state === "closed" || socket.session?.id !== id) one.sockets.delete(socket);
        }
        if (one.sockets.size === 0) kept.delete(id);
        else if (nowMs >= one.nextMs) {
          one.nextMs = nowMs + everyMs;
          // While Redis is away they stay as long as was known.
          look(id, one).catch((err: unknown) => log.debug({ err }, "a sign-in could not be looked up"));
        }
      }
    },
  };
}
