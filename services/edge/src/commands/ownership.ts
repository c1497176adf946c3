import type { Bus, Owner } from "@parley/bus";
import { ChatError, demand, type Caller, type ConversationId, type May, type ResourceOf } from "@parley/protocol";

export type Ownership = ReturnType<typeof createOwnership>;

export type ConversationAction =
  | "conversation:read"
  | "conversation:send"
  | "conversation:cancel"
  | "conversation:queue"
  | "conversation:title"
  | "conversation:decide"
  | "conversation:delete";

export interface OwnershipDeps {
  readonly owners: Bus["owners"];
  readonly may: May;
}

/** Owners never change, so they may be remembered; 50,000 of them take some 10 MB. */
const maxRemembered = 50_000;

/** Whose conversation it is, and so what a caller may do with it. */
export function createOwnership({ owners, may }: OwnershipDeps) {
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

  const admit = (caller: Caller, action: ConversationAction, owner: Owner | undefined): void => {
    demand(may(caller, action, conversationOf(owner)));
  };

  return {
    /** The conversation is the caller's from now on, if it is nobody's. Throws FORBIDDEN. */
    async claim(conversation: ConversationId, caller: Caller): Promise<void> {
      // Who may send nothing at all must not have conversations made either.
      const known = remembered.get(conversation);
      if (known === undefined) admit(caller, "conversation:send", undefined);
      const owner = known ?? (await owners.claim(conversation, caller.user.id, caller.tenant));
      remember(conversation, owner);
      admit(caller, "conversation:send", owner);
    },

    /** Whether it is a conversation of the caller's. */
    async isOwn(conversation: ConversationId, caller: Caller): Promise<boolean> {
      const owner = await find(conversation);
      return owner !== undefined && may(caller, "conversation:read", conversationOf(owner)).allowed;
    },

    /** Throws FORBIDDEN, or NOT_FOUND when it is nobody's. */
    async check(conversation: ConversationId, caller: Caller, action: ConversationAction): Promise<void> {
      const owner = await find(conversation);
      if (owner === undefined) throw new ChatError("NOT_FOUND", { message: "There is no such conversation." });
      admit(caller, action, owner);
    },
  };
}

function conversationOf(owner: Owner | undefined): ResourceOf<"conversation:read"> {
  return { kind: "conversation", owner: owner?.userId, tenant: owner?.tenant };
}
