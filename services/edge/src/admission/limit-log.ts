import { answeredWithin, type LogBytes, type LogSizes } from "@parley/bus";
import { ChatError, type Limits } from "@parley/protocol";
import type { Spender } from "../commands/message-limits.ts";
import type { LimitRefusals } from "./limit-refusals.ts";

export interface LogLimitDeps {
  /** Undefined: there is no Redis here, and nothing is counted. */
  readonly logSizes: Pick<LogSizes, "of"> | undefined;
  readonly current: () => Limits;
  readonly refusals: LimitRefusals;
  /** Redis is waited for no longer than this. */
  readonly deadlineMs: number;
}

interface Known {
  readonly bytes: Promise<LogBytes | undefined>;
  readonly askedMs: number;
}

/** A log grows slowly: so long what was seen counts. */
const knownMs = 5_000;
const maxKnown = 10_000;

/** What of the log a user and a tenant may fill. */
export function createLogLimit({ logSizes, current, refusals, deadlineMs }: LogLimitDeps) {
  const known = new Map<string, Known>();

  const sizesOf = ({ caller: { user, tenant } }: Spender): Promise<LogBytes | undefined> => {
    if (logSizes === undefined) return Promise.resolve(undefined);
    const key = JSON.stringify([user.id, tenant]);
    const nowMs = performance.now();
    const before = known.get(key);
    if (before !== undefined && nowMs - before.askedMs < knownMs) return before.bytes;
    // Redis is away, or slow: nobody fills the log within an outage.
    const bytes = answeredWithin(logSizes.of({ user: user.id, tenant }), deadlineMs).catch(() => undefined);
    known.delete(key);
    known.set(key, { bytes, askedMs: nowMs });
    const [oldest] = known.keys();
    if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
    return bytes;
  };

  /** Throws QUOTA_EXCEEDED. */
  return async (spender: Spender): Promise<void> => {
    const bytes = await sizesOf(spender);
    if (bytes === undefined) return;
    const { log_bytes_per_user: perUser, log_bytes_per_tenant: perTenant } = current();
    if (bytes.user >= perUser) {
      const message = "Your conversations take all the room that they may. Delete some that you no longer need.";
      throw refusals.of("log_bytes_per_user", new ChatError("QUOTA_EXCEEDED", { message }), spender);
    }
    if (bytes.tenant >= perTenant) {
      const message = "The conversations of your organisation take all the room that they may.";
      throw refusals.of("log_bytes_per_tenant", new ChatError("QUOTA_EXCEEDED", { message }), spender);
    }
  };
}
