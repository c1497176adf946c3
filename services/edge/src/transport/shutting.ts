import { setImmediate } from "node:timers/promises";
import { closeCodes, type FrameError } from "@parley/protocol";
import type { Shut } from "../admission/gate.ts";
import { sleep } from "@parley/runtime";
import { move } from "../delivery/connection.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { countOne } from "../figures/metrics.ts";
import { noCursor } from "../cursor.ts";
import { detach, type HubConnection } from "../hub/hub.ts";

export interface ShuttingDeps {
  /** Those of this process, whatever their transport. */
  readonly all: ReadonlySet<HubConnection>;
  readonly outbox: Outbox;
  readonly counters: { readonly shut: Map<Shut["reason"], number> };
  /** Ends all that a connection looks at. */
  readonly leaveAll: (connection: HubConnection) => void;
}

/** Some 2 ms of closing; then others have their turn. */
const batch = 25;
/** Who has many addresses can have one blocked after the other: each look goes through all sockets. */
const lookEveryMs = 100;
/** So long after somebody was shut out, whoever was let in while that came to be known is looked for: a request may still look its turn up. */
const lookAgainMs = 15_000;

/** Closes the connections of whoever is revoked or blocked. */
export function createShutting({ all, outbox, counters, leaveAll }: ShuttingDeps) {
  /** Those that are looked for again, each reason once: what it matches is all that is known by then. */
  const recent = new Map<Shut["reason"], { readonly shut: Shut; readonly untilMs: number }>();
  /** When each reason was looked for last, or is to be (a `performance.now`). */
  const looks = new Map<Shut["reason"], number>();

  const shutOut = async (shut: Shut): Promise<void> => {
    for (const { acting } of all) if (acting !== undefined) shutUsers(acting, shut);
    const found = [...all].filter((connection) => shut.matches(connection));
    // All of them first: nothing more is done for any, nor sent to it.
    for (const connection of found) {
      if (connection.transport !== "websocket") continue;
      move(connection, "closed");
      leaveAll(connection);
    }
    for (let first = 0; first < found.length; first += batch) {
      for (const connection of found.slice(first, first + batch)) {
        if (connection.closeCode === undefined && connection.ws !== undefined) countOne(counters.shut, shut.reason);
        end(outbox, connection, shut.reason);
      }
      await setImmediate();
    }
  };

  const lookAt = async (shut: Shut, waitMs: number): Promise<void> => {
    if (waitMs > 0) await sleep(waitMs);
    await shutOut(recent.get(shut.reason)?.shut ?? shut);
  };

  return {
    /** Closes whoever it matches, at once or with others within a tenth of a second, a few at a time, and whoever comes to match it within 15 s. */
    shut(shut: Shut): void {
      const nowMs = performance.now();
      recent.set(shut.reason, { shut, untilMs: nowMs + lookAgainMs });
      const lookedMs = looks.get(shut.reason) ?? -Infinity;
      // It is about to be looked for anyway, and then for all.
      if (lookedMs > nowMs) return;
      const dueMs = Math.max(nowMs, lookedMs + lookEveryMs);
      looks.set(shut.reason, dueMs);
      void lookAt(shut, dueMs - nowMs);
    },

    /** Once a second. */
    sweep(nowMs: number): void {
      for (const [reason, { shut, untilMs }] of recent) {
        if (nowMs > untilMs) recent.delete(reason);
        else void shutOut(shut);
      }
    },
  };
}

/** A gateway stays: it can do nothing for this user any more. Who was looking beside them goes on. */
function shutUsers({ users }: NonNullable<HubConnection["acting"]>, shut: Shut): void {
  for (const user of users.values()) if (shut.matches(user)) dismissAll(user);
}

/** The notice is for each conversation, so that the others who look at it through this gateway are looked for. */
function dismissAll(user: HubConnection): void {
  for (const [conversation, viewer] of user.viewers) {
    user.viewers.delete(conversation);
    detach(viewer);
    user.onDismissed?.(conversation, viewer.cursor === noCursor ? undefined : viewer.source.offset + viewer.cursor);
  }
}

const endings = {
  revoked: { code: closeCodes.badToken, error: "AUTH_INVALID", sentence: "The session was ended." },
  "key removed": { code: closeCodes.badToken, error: "AUTH_INVALID", sentence: "The API key was taken back." },
  "key changed": {
    code: closeCodes.tokenExpired,
    error: "AUTH_EXPIRED",
    sentence: "The API key has other rights now.",
  },
  blocked: { code: closeCodes.policy, error: "BLOCKED", sentence: "You are blocked for a time." },
} as const;

/** A request is told in its answer; if that does not leave, it is cut the next time. */
function end(outbox: Outbox, connection: HubConnection, reason: Shut["reason"]): void {
  const { code, error, sentence } = endings[reason];
  if (connection.transport === "websocket" || connection.closeCode !== undefined)
    return outbox.close(connection, code, sentence);
  connection.closeCode = code;
  const frame: FrameError = { type: "error", code: error, error: sentence, retryable: false };
  outbox.cork(connection, () => outbox.sendFrame(connection, frame));
}
