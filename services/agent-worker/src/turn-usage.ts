import type { QuotaAccount, QuotaCounters, UsageLog } from "@parley/bus";
import {
  isUsageKept,
  quotasOf,
  spentOf,
  type Outcome,
  type Quotas,
  type TurnRequest,
  type Usage,
  type UsageRecord,
} from "@parley/protocol";
import type { ClaimedTurn } from "./claimed-turn.ts";
import type { Meter } from "./model/model.ts";
import type { Price } from "./model/model-table.ts";
import { createTokenGauge } from "./usage/token-gauge.ts";
import { createTurnHold, type TurnHold } from "./usage/turn-hold.ts";
import { createTurnSpending, type Purpose, type SpentCall, type TurnSpending } from "./usage/turn-spending.ts";
import type { UncommittedCalls } from "./usage/uncommitted-calls.ts";

export interface TurnUsageDeps {
  readonly log: Pick<UsageLog, "write">;
  readonly counters: Pick<QuotaCounters, "take" | "settle">;
  /** As they are now. */
  readonly quotas: () => Quotas;
  readonly priceOf: (model: string) => Price | undefined;
  readonly onSpent: (call: SpentCall) => void;
  /** Told of what is kept. */
  readonly onKept: (record: UsageRecord) => void;
}

/** A call of a model that is no part of a turn. */
export interface Beside {
  readonly meter: Meter;
  /** To be called once, when it is over. Nobody needs to wait. */
  settle(status: "complete" | "error"): Promise<void>;
}

export type TurnUsage = ReturnType<typeof createTurnUsage>;

/** Ids of messages are forgotten by the broker after ten minutes. */
const surelyKnownMs = 480_000;
const noCalls: UncommittedCalls = { calls: 0, chars: 0 };
const noUsage: Usage = { input_tokens: 0, output_tokens: 0 };

function isNothing({ input_tokens, output_tokens }: Usage): boolean {
  return input_tokens + output_tokens === 0;
}

/** Whose something is, what it spends as it goes, and how that is kept. */
function createBooks({ log, counters, quotas, priceOf, onSpent, onKept }: TurnUsageDeps) {
  const gauge = createTokenGauge();
  return {
    accountOf({ user, caller }: TurnRequest, id: string, atMs: number): QuotaAccount {
      const whose = { user: user.id, tenant: caller?.tenant };
      return { id, ...whose, atMs, limits: quotasOf(quotas(), { ...whose, roles: caller?.roles ?? [] }) };
    },

    spendingOf(account: QuotaAccount, { spent, lost }: { spent: Usage; lost: UncommittedCalls }): TurnSpending {
      const { currency } = quotas();
      const before = spentOf(spent, currency);
      const hold: TurnHold | undefined =
        account.limits.length === 0 ? undefined : createTurnHold({ counters, account, spent: before });
      return createTurnSpending({ priceOf, gauge, onSpent, currency, hold, lost });
    },

    /** The stream first: what Redis has lost is made of it. */
    async keep(account: QuotaAccount, record: UsageRecord, mayBeThere: boolean): Promise<void> {
      if (!isNothing(record.usage)) {
        await log.write(record, { mayBeThere });
        onKept(record);
      } else if (account.limits.length === 0) return;
      void counters.settle(account, spentOf(record.usage, quotas().currency));
    },
  };
}

/** What turns use and what it costs: counted as it is spent, held against quotas where there are any, and kept where somebody wants it. */
export function createTurnUsage(deps: TurnUsageDeps) {
  const { quotas } = deps;
  const { accountOf, spendingOf, keep } = createBooks(deps);

  return {
    /** For one attempt. */
    open({ request, queuedAt, fold }: Pick<ClaimedTurn, "request" | "queuedAt" | "fold">): TurnSpending {
      const account = accountOf(request, request.turn_id, queuedAt);
      return spendingOf(account, { spent: fold.usage, lost: { ...fold.uncommitted } });
    },

    /** It was decided how the turn ends: the same record for whoever stores it. Never throws. */
    async settle({ request, queuedAt, fold, spending }: ClaimedTurn, outcome: Outcome): Promise<void> {
      if (!isUsageKept(quotas())) return;
      const account = accountOf(request, request.turn_id, queuedAt);
      const about = outcome.type === "complete" ? outcome.metadata : {};
      const { agent = fold.decisions.routed?.agent, model = spending?.lastModel() } = about;
      const record = recordOf(account, request, {
        ...{ purpose: "turn", status: outcome.type, usage: outcome.usage },
        ...(outcome.type === "error" ? { code: outcome.code } : {}),
        ...(agent === undefined ? {} : { agent }),
        ...(model === undefined ? {} : { model }),
      });
      await keep(account, record, fold.endedAt > 0 && Date.now() - fold.endedAt > surelyKnownMs);
    },

    /** For a call beside the turn, after it or before it: it counts for its user too. */
    beside(request: TurnRequest, purpose: Purpose): Beside {
      const account = accountOf(request, `${request.turn_id}.${purpose}`, request.accepted_at);
      const spending = spendingOf(account, { spent: noUsage, lost: noCalls });
      return {
        meter: spending.meter(purpose),
        async settle(status) {
          if (!isUsageKept(quotas())) return;
          const model = spending.lastModel();
          const about = { purpose, status, usage: spending.take() ?? noUsage };
          await keep(
            account,
            recordOf(account, request, { ...about, ...(model === undefined ? {} : { model }) }),
            false,
          );
        },
      };
    },
  };
}

function recordOf(
  { id, user, tenant, atMs }: QuotaAccount,
  { conversation_id, turn_id }: TurnRequest,
  about: Pick<UsageRecord, "purpose" | "status" | "usage" | "code" | "agent" | "model">,
): UsageRecord {
  return {
    ...{ v: 1, kind: "usage", id, conversation_id, turn_id, user },
    ...(tenant === undefined ? {} : { tenant }),
    ...about,
    ...{ at: atMs, ended_at: Date.now() },
  };
}
