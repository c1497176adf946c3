import type { Caller, ChatError, ConversationId, TurnId } from "@parley/protocol";

/** Who spends: a caller, and whether limits apply to it. */
export interface Spender {
  readonly caller: Caller;
  /** Its connection comes from an exempt address. */
  readonly isExempt: boolean;
}

export interface MessagePlace {
  readonly conversation: ConversationId;
  readonly turn: TurnId;
  /** It asks no agent, for certain. */
  readonly isPost?: boolean;
}

/** What became of a message that was counted. "over": it is a repeat, and its turn has ended. "posted": it asks no agent, so no turn is open. "unknown": the broker has not said whether it is queued. */
export type MessageFate = "accepted" | "posted" | "repeated" | "over" | "refused" | "unknown";

/** A message that is being counted. */
export interface Spending {
  /** Resolves when it may go on. Rejects with RATE_LIMITED or QUOTA_EXCEEDED. */
  readonly allowed: Promise<void>;
  /** To be called once, whatever became of it. */
  settle(fate: MessageFate): void;
}

/** What messages may cost. */
export interface MessageLimits {
  /** By what is known without asking, before anything is done. `isFirst`: its sender is in no conversation yet. Throws RATE_LIMITED or OVERLOADED. */
  check(spender: Spender, isFirst: boolean): void;
  /** Begins to count it, beside whatever else is done before it is queued. */
  spend(spender: Spender, place: MessagePlace): Spending;
}

/** How many conversations somebody may begin. */
export interface ConversationQuota {
  /** For one that is certainly new. Throws RATE_LIMITED. */
  take(spender: Spender): Promise<void>;
  /** For one that turned out to be new. */
  count(spender: Spender): void;
  /** What whoever begins one gets, as far as it is known without asking; undefined: they may. */
  usedUp(spender: Spender): ChatError | undefined;
}
