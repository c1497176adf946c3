import type { Holder, OpenTurn, OpenTurns } from "@parley/bus";
import { ChatError, type ConversationId, type Limits, type RateName, type TurnId } from "@parley/protocol";
import type { Redis } from "../commands/conversations/conversation-index.ts";
import type {
  ConversationQuota,
  MessageFate,
  MessageLimits,
  MessagePlace,
  Spender,
  Spending,
} from "../commands/message-limits.ts";
import type { LimitRefusals } from "./limit-refusals.ts";
import { createLogLimit, type LogLimitDeps } from "./limit-log.ts";
import { createMessageCounts } from "./limit-messages.ts";
import type { SharedRates } from "./limit-rates.ts";
import type { Overload } from "./overload.ts";

export interface TurnLimitsDeps extends Pick<LogLimitDeps, "logSizes"> {
  readonly redis: Redis | undefined;
  readonly rates: SharedRates;
  readonly openTurns: OpenTurns;
  readonly overload: Overload;
  readonly current: () => Limits;
  /** Whether a turn has ended, by the event log. */
  readonly hasEnded: (turn: { readonly conversation: ConversationId; readonly turn: TurnId }) => Promise<boolean>;
  readonly refusals: LimitRefusals;
  /** Throws QUOTA_EXCEEDED where what models may cost is used up. */
  readonly checkQuota: (spender: Spender) => Promise<void>;
  /** Redis is waited for no longer than this. */
  readonly deadlineMs: number;
}

const openRetryMs = 2_000;
/** Those that are counted as open and have ended, because a worker died before it could say so or Redis is away, are looked for among so many of the oldest: as many as a user may have. */
const oldestLookedAt = 40;
const lookAgainMs = 5_000;
const maxLooked = 10_000;

/** What a message costs its user and tenant: messages per minute, turns that wait or run, messages of its conversation. */
export function createTurnLimits(deps: TurnLimitsDeps): MessageLimits {
  const { overload, openTurns, refusals, checkQuota } = deps;
  const rates = createMessageRates(deps);
  const messages = createMessageCounts(deps);
  const addTurn = createAddTurn(deps);
  const checkLog = createLogLimit(deps);

  return {
    check(spender, isFirst) {
      if (spender.isExempt) return;
      const shed = overload.message(isFirst);
      if (shed !== undefined) throw refusals.overloaded(shed);
      rates.check(spender);
    },

    spend(spender, place): Spending {
      if (spender.isExempt) return { allowed: checkQuota(spender), settle: nothing };
      const turn = turnOf(spender, place);
      const { isPost = false } = place;
      const opening = isPost ? Promise.resolve("none" as const) : addTurn(turn, spender);
      const counting = messages.add(place.conversation, spender);
      const allowed = Promise.all([
        rates.take(spender),
        opening,
        counting.allowed,
        checkLog(spender),
        isPost ? undefined : checkQuota(spender),
      ]).then(() => undefined);
      // One that was known before is still open, or its worker says when it is not.
      const close = (): void =>
        void opening.then((added) => (added === "added" ? openTurns.remove(turn) : undefined), nothing);
      const giveBack = (isOpen: boolean): void => {
        counting.giveBack();
        if (!isOpen) close();
      };
      return {
        allowed,
        settle(fate: MessageFate) {
          if (fate === "accepted" || fate === "unknown") return;
          if (fate === "posted") return close();
          giveBack(fate === "repeated");
          // Who is refused has tried; who sends the same again has not.
          if (fate !== "refused") rates.giveBack(spender);
          if (fate === "over" && !isPost) void opening.then(() => openTurns.remove(turn), nothing);
        },
      };
    },
  };
}

const nothing = (): void => {};

/** Messages per minute of a user and of their tenant. */
function createMessageRates({ rates, refusals }: Pick<TurnLimitsDeps, "rates" | "refusals">) {
  return {
    /** Throws RATE_LIMITED where they are used up, as far as this process knows; takes none. */
    check(spender: Spender): void {
      for (const { name, key } of ratesOf(spender)) {
        const waitMs = rates.refusedMs(name, key);
        if (waitMs > 0) throw refusals.rate(name, waitMs, spender);
      }
    },

    /** Throws RATE_LIMITED. */
    async take(spender: Spender): Promise<void> {
      const waits = ratesOf(spender).map(async ({ name, key }) => ({ name, waitMs: await rates.consume(name, key) }));
      for (const { name, waitMs } of await Promise.all(waits))
        if (waitMs > 0) throw refusals.rate(name, waitMs, spender);
    },

    giveBack(spender: Spender): void {
      for (const { name, key } of ratesOf(spender)) rates.giveBack(name, key);
    },
  };
}

/** Conversations that a user begins within an hour. */
export function createConversationQuota({
  rates,
  refusals,
}: Pick<TurnLimitsDeps, "rates" | "refusals">): ConversationQuota {
  const name = "new_conversations_per_user";
  return {
    async take(spender) {
      if (spender.isExempt) return;
      const waitMs = await rates.consume(name, spender.caller.user.id);
      if (waitMs > 0) throw refusals.rate(name, waitMs, spender);
    },
    count(spender) {
      if (!spender.isExempt) void rates.consume(name, spender.caller.user.id);
    },
    usedUp(spender) {
      const waitMs = spender.isExempt ? 0 : rates.refusedMs(name, spender.caller.user.id);
      return waitMs > 0 ? refusals.rate(name, waitMs, spender) : undefined;
    },
  };
}

/** Counts a turn as open, unless too many are; then it is looked whether the oldest of them really still are. */
function createAddTurn({ openTurns, current, hasEnded, refusals }: TurnLimitsDeps) {
  /** By holder, when it was last looked (a `performance.now`). */
  const looked = new Map<string, number>();

  const mayLook = (holder: string): boolean => {
    const nowMs = performance.now();
    if (nowMs - (looked.get(holder) ?? -Infinity) < lookAgainMs) return false;
    looked.delete(holder);
    looked.set(holder, nowMs);
    const [oldest] = looked.keys();
    if (looked.size > maxLooked && oldest !== undefined) looked.delete(oldest);
    return true;
  };

  /** Whether any was found. */
  const dropEnded = async (holder: Holder, { user, tenant }: OpenTurn): Promise<boolean> => {
    const oldest = await openTurns.oldest(holder, oldestLookedAt);
    const ended = await Promise.all(oldest.map(hasEnded));
    const gone = oldest.filter((_, i) => ended[i] === true);
    await Promise.all(gone.map((turn) => openTurns.remove({ ...turn, user, tenant })));
    return gone.length > 0;
  };

  return async (turn: OpenTurn, spender: Spender): Promise<"added" | "known"> => {
    const { open_turns_per_user: perUser, open_turns_per_tenant: perTenant } = current();
    const most = { perUser, perTenant };
    let added = await openTurns.add(turn, most);
    if (typeof added === "string") return added;
    const { user, tenant = "" } = turn;
    const holder: Holder = added.full === "user" ? { user } : { tenant };
    if (mayLook(`${added.full} ${user}`) && (await dropEnded(holder, turn).catch(() => false))) {
      added = await openTurns.add(turn, most);
      if (typeof added === "string") return added;
    }
    const limit = added.full === "user" ? "open_turns_per_user" : "open_turns_per_tenant";
    throw refusals.of(
      limit,
      new ChatError("RATE_LIMITED", { message: tooMany[added.full], retryAfterMs: openRetryMs }),
      spender,
    );
  };
}

const tooMany = {
  user: "Too many of your messages wait for their answers. Send more when some have come.",
  tenant: "Too many messages of your organisation wait for their answers. Send more when some have come.",
} as const;

function ratesOf({ caller: { user, tenant } }: Spender): { readonly name: RateName; readonly key: string }[] {
  const own = { name: "turns_per_user", key: user.id } as const;
  return tenant === undefined ? [own] : [own, { name: "turns_per_tenant", key: tenant }];
}

function turnOf({ caller: { user, tenant } }: Spender, place: MessagePlace): OpenTurn {
  return { ...place, user: user.id, tenant };
}
