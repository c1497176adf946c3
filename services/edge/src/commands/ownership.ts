import type { Bus } from "@parley/bus";
import { ChatError, type ConversationId } from "@parley/protocol";

export type Ownership = ReturnType<typeof createOwnership>;

/** Owners never change, so they may be remembered; 50,000 of them take some 10 MB. */
const maxRemembered = 50_000;

/** Whose conversation it is. */
export function createOwnership(owners: Bus["owners"]) {
  /** In the order of their last use. */
  const remembered = new Map<ConversationId, string>();

  const remember = (conversation: ConversationId, owner: string): void => {
    remembered.delete(conversation);
    remembered.set(conversation, owner);
    const [oldest] = remembered.keys();
    if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest);
  };

  const admit = (conversation: ConversationId, owner: string, userId: string): void => {
    remember(conversation, owner);
    if (owner !== userId) throw new ChatError("FORBIDDEN");
  };

  return {
    /** The conversation is the user's from now on, if it is nobody's. Throws FORBIDDEN. */
    async claim(conversation: ConversationId, userId: string): Promise<void> {
      admit(conversation, remembered.get(conversation) ?? (await owners.claim(conversation, userId)), userId);
    },

    /** Whether it is a conversation of the user's. */
    async isOwn(conversation: ConversationId, userId: string): Promise<boolean> {
      const owner = remembered.get(conversation) ?? (await owners.ownerOf(conversation));
      if (owner !== undefined) remember(conversation, owner);
      return owner === userId;
    },

    /** Throws FORBIDDEN, or NOT_FOUND when it is nobody's. */
    async check(conversation: ConversationId, userId: string): Promise<void> {
      const owner = remembered.get(conversation) ?? (await owners.ownerOf(conversation));
      if (owner === undefined) throw new ChatError("NOT_FOUND", { message: "There is no such conversation." });
      admit(conversation, owner, userId);
    },
  };
}
