import type { Bus, Owner } from "@parley/bus";
import type { ConversationQuota, Spender } from "./message-limits.ts";
import { ChatError, demand, type Caller, type ConversationId, type May, type ResourceOf } from "@parley/protocol";

export type Ownership = ReturnType<typeof createOwnership>;

export type ConversationAction =
  | "conversation:read"
  | "conversation:send"
  | "conversation:cancel"
  | "conversation:queue"
  | "conversation:title"
  | "conversation:feedback"
  | "conversation:decide"
  | "conversation:react"
  | "conversation:delete";

/** As what a caller decides on the calls of a conversation. */
export interface DeciderRights {
  /** Whose conversation it is decides on what happens in it. */
  readonly isOwner: boolean;
  /** Approves for others of the tenant in which it was begun. */
  readonly isApprover: boolean;
}

export interface OwnershipDeps {
  readonly owners: Bus["owners"];
  readonly may: May;
  /** How many conversations somebody may begin. */
  readonly quota: ConversationQuota;
  /** Whether the caller answers in it in place of the agent: asked only where it is not theirs. Absent: nobody does. */
  readonly isOperator?: IsOperator;
}

export type IsOperator = (conversation: ConversationId, caller: Caller, tenant: string | undefined) => Promise<boolean>;

/** As what somebody reads a conversation, and writes in it. */
export type Standing = "owner" | "operator";

export interface ClaimWay {
  /** Its id was just made up: it cannot be anybody's. */
  readonly isFresh: boolean;
  readonly isExempt: boolean;
}

/** Owners never change, so they may be remembered; 50,000 of them take some 10 MB. */
const maxRemembered = 50_000;

function createMemory(owners: OwnershipDeps["owners"]) {
  /** In the order of their last use. */
  const remembered = new Map<ConversationId, Owner>();

  const remember = (conversation: ConversationId, { userId, tenant }: Owner): void => {
    remembered.delete(conversation);
    remembered.set(conversation, { userId, tenant });
    const [oldest] = remembered.keys();
    if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest);
  };
  const find = async (conversation: ConversationId): Promise<Owner | undefined> => {
    const owner = remembered.get(conversation) ?? (await owners.ownerOf(conversation));
    if (owner !== undefined) remember(conversation, owner);
    return owner;
  };

  return {
    remembered,
    remember,
    find,
    /** Throws NOT_FOUND when it is nobody's. */
    async findOwner(conversation: ConversationId): Promise<Owner> {
      const owner = await find(conversation);
      if (owner === undefined) throw new ChatError("NOT_FOUND", { message: "There is no such conversation." });
      return owner;
    },
  };
}

/** As what a caller reads a conversation, or writes in it. Throws FORBIDDEN. */
function createStanding(may: May, isOperator: IsOperator | undefined) {
  return async (
    conversation: ConversationId,
    caller: Caller,
    action: "conversation:read" | "conversation:send",
    owner: Owner,
  ): Promise<Standing> => {
    const verdict = may(caller, action, conversationOf(owner));
    if (verdict.allowed) return "owner";
    if (isOperator !== undefined && (await isOperator(conversation, caller, owner.tenant))) return "operator";
    throw new ChatError(verdict.code, { message: verdict.message });
  };
}

/** Whose conversation it is, and so what a caller may do with it. */
export function createOwnership({ owners, may, quota, isOperator }: OwnershipDeps) {
  const { remembered, remember, find, findOwner } = createMemory(owners);

  const admit = (caller: Caller, action: ConversationAction, owner: Owner | undefined): void => {
    demand(may(caller, action, conversationOf(owner)));
  };

  const standing = createStanding(may, isOperator);

  /** Who may begin no more conversations leaves no record of one. */
  const claimUnknown = async (conversation: ConversationId, spender: Spender, isFresh: boolean): Promise<Owner> => {
    const { user, tenant } = spender.caller;
    const refusal = quota.usedUp(spender);
    if (refusal !== undefined) {
      const owner = isFresh ? undefined : await owners.ownerOf(conversation);
      if (owner === undefined) throw refusal;
      return owner;
    }
    if (isFresh) await quota.take(spender);
    const owner = await owners.claim(conversation, user.id, tenant);
    if (owner.isNew && !isFresh) quota.count(spender);
    return owner;
  };

  return {
    /** The conversation is the caller's from now on, if it is nobody's. Throws FORBIDDEN, and RATE_LIMITED where they have begun too many. */
    async claim(conversation: ConversationId, caller: Caller, { isFresh, isExempt }: ClaimWay): Promise<Standing> {
      // Who may send nothing at all must not have conversations made either.
      const known = remembered.get(conversation);
      if (known === undefined) admit(caller, "conversation:send", undefined);
      const owner = known ?? (await claimUnknown(conversation, { caller, isExempt }, isFresh));
      remember(conversation, owner);
      return standing(conversation, caller, "conversation:send", owner);
    },

    /** Whether somebody has written in it, as far as this process remembers. */
    isKnown: (conversation: ConversationId): boolean => remembered.has(conversation),

    /** Whether it is a conversation of the caller's. */
    async isOwn(conversation: ConversationId, caller: Caller): Promise<boolean> {
      const owner = await find(conversation);
      return owner !== undefined && may(caller, "conversation:read", conversationOf(owner)).allowed;
    },

    /** Throws FORBIDDEN, or NOT_FOUND when it is nobody's. */
    async check(conversation: ConversationId, caller: Caller, action: ConversationAction): Promise<void> {
      admit(caller, action, await findOwner(conversation));
    },

    /** The same for who only reads, as whoever may who answers in place of the agent. */
    reader: async (conversation: ConversationId, caller: Caller): Promise<Standing> =>
      standing(conversation, caller, "conversation:read", await findOwner(conversation)),

    /** Throws FORBIDDEN for who may not decide on its calls at all, or NOT_FOUND when it is nobody's. It opens nothing else of it. */
    async decider(conversation: ConversationId, caller: Caller): Promise<DeciderRights> {
      const owner = await findOwner(conversation);
      const asOwner = may(caller, "conversation:decide", conversationOf(owner));
      const isApprover = may(caller, "approval:decide", { kind: "approval", tenant: owner.tenant }).allowed;
      if (!isApprover) demand(asOwner);
      return { isOwner: asOwner.allowed, isApprover };
    },
  };
}

function conversationOf(owner: Owner | undefined): ResourceOf<"conversation:read"> {
  return { kind: "conversation", owner: owner?.userId, tenant: owner?.tenant };
}
