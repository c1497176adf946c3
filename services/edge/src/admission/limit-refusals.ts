import { ChatError, type CountName, type LimitName, type RateName } from "@parley/protocol";
import type { Spender } from "../commands/message-limits.ts";
import { countOne } from "../figures/metrics.ts";
import type { Gate, Offence } from "./gate.ts";
import type { Shed } from "./overload.ts";

export interface LimitRefusalsDeps {
  readonly gate: Pick<Gate, "note">;
  readonly counters: { readonly limited: Map<LimitName, number> };
}

export interface From {
  readonly address: string;
  readonly userId?: string | undefined;
}

export type LimitRefusals = ReturnType<typeof createLimitRefusals>;

/** What whoever is over a limit gets; each is counted, and held against who has no reason to get there. */
export function createLimitRefusals({ gate, counters }: LimitRefusalsDeps) {
  const note = (limit: LimitName, from: From, offence: Offence = "rate limit"): void => {
    countOne(counters.limited, limit);
    gate.note(offence, from);
  };
  return {
    note,
    /** A limit that is no fault of whoever meets it. */
    count: (limit: LimitName): void => countOne(counters.limited, limit),
    of(limit: RateName | CountName, error: ChatError, spender: Spender): ChatError {
      note(limit, fromOf(spender));
      return error;
    },
    rate(limit: RateName, waitMs: number, spender: Spender): ChatError {
      note(limit, fromOf(spender));
      return tooFast(waitMs);
    },
    overloaded({ limit, retryAfterMs }: Shed): ChatError {
      countOne(counters.limited, limit);
      return new ChatError("OVERLOADED", { retryAfterMs });
    },
  };
}

export function tooFast(waitMs: number): ChatError {
  return new ChatError("RATE_LIMITED", { retryAfterMs: Math.ceil(waitMs) });
}

function fromOf({ caller }: Spender): From {
  return { address: caller.address ?? "", userId: caller.user.id };
}
