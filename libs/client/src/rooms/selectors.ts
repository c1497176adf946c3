import {
  messages,
  type ConversationView,
  type Member,
  type MessageView,
  type Person,
  type ReactionCount,
} from "@parley/protocol/fold";

/** What is shown of a view of a conversation with more than one person. */

/** The owner first; of a large room not all: `rooms.members` asks for these. Where the owner is alone: nobody. */
export function members({ room }: ConversationView): readonly Member[] {
  return room?.members ?? noMembers;
}

/** Who writes at the moment, without `me`. */
export function typingUsers({ typing }: ConversationView, me?: string): readonly Person[] {
  return typing.some(({ id }) => id === me) ? typing.filter(({ id }) => id !== me) : typing;
}

/** Whose mark is at the message, or behind it. Of a mark at a message that the view does not have nobody knows: it is not counted. */
export function readersOf(view: ConversationView, messageId: string): readonly Person[] {
  const marks = Object.values(view.reads);
  if (marks.length === 0) return noPeople;
  const order = orderOf(messages(view));
  const at = order.get(messageId) ?? Infinity;
  return marks.filter(({ message_id }) => (order.get(message_id) ?? -1) >= at).map(({ user }) => user);
}

/** Each message asks for it. */
const orders = new WeakMap<readonly MessageView[], ReadonlyMap<string, number>>();

function orderOf(shown: readonly MessageView[]): ReadonlyMap<string, number> {
  const order = orders.get(shown) ?? new Map(shown.map(({ message_id }, at) => [message_id, at]));
  orders.set(shown, order);
  return order;
}

export function reactionsOf({ changes }: ConversationView, messageId: string): readonly ReactionCount[] {
  return changes[messageId]?.reactions ?? noReactions;
}

/** The messages that reply to one, in their order. */
export function repliesTo(view: ConversationView, messageId: string): readonly MessageView[] {
  const replies = new Set<string>();
  for (const { message } of view.turns) if (replyOf(message) === messageId) replies.add(message?.message_id ?? "");
  for (const message of view.transcript) if (replyOf(message) === messageId) replies.add(message.message_id);
  return replies.size === 0 ? noReplies : messages(view).filter(({ message_id }) => replies.has(message_id));
}

function replyOf(message: object | undefined): unknown {
  return message !== undefined && "reply_to" in message ? message.reply_to : undefined;
}

const noMembers: readonly Member[] = [];
const noPeople: readonly Person[] = [];
const noReactions: readonly ReactionCount[] = [];
const noReplies: readonly MessageView[] = [];
