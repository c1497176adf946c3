import type { Conversation } from "@parley/client";
import { members, reactionsOf, readersOf, repliesTo, typingUsers } from "@parley/client/rooms";
import type {
  ConversationView,
  Member,
  MessageView,
  Person,
  PresenceFrame,
  ReactionCount,
  Room,
} from "@parley/protocol/fold";
import { useMemo } from "react";
import { useView } from "./use-conversation.ts";

/** Of a conversation with more than one person. */

/** Who has a part in it, and by which rules; undefined: its owner alone, as far as is known. */
export function useRoom(conversation: Conversation): Room | undefined {
  return useView(conversation, roomOf);
}

function roomOf({ room }: ConversationView): Room | undefined {
  return room;
}

/** The owner first; of a large room not all. */
export function useMembers(conversation: Conversation): readonly Member[] {
  return useView(conversation, members);
}

/** Who is there, and what its agents do; undefined: nobody has said. */
export function usePresence(conversation: Conversation): Omit<PresenceFrame, "type" | "conversation_id"> | undefined {
  return useView(conversation, presenceOf);
}

function presenceOf({ presence }: ConversationView): ConversationView["presence"] {
  return presence;
}

/** Who writes at the moment, without `me`. */
export function useTyping(conversation: Conversation, me?: string): readonly Person[] {
  const select = useMemo(() => (view: ConversationView) => typingUsers(view, me), [me]);
  return useView(conversation, select, isSameList);
}

/** Who has read a message. */
export function useReaders(conversation: Conversation, messageId: string): readonly Person[] {
  const select = useMemo(() => (view: ConversationView) => readersOf(view, messageId), [messageId]);
  return useView(conversation, select, isSameList);
}

export function useReactions(conversation: Conversation, messageId: string): readonly ReactionCount[] {
  const select = useMemo(() => (view: ConversationView) => reactionsOf(view, messageId), [messageId]);
  return useView(conversation, select);
}

/** The messages that reply to one. */
export function useReplies(conversation: Conversation, messageId: string): readonly MessageView[] {
  const select = useMemo(() => (view: ConversationView) => repliesTo(view, messageId), [messageId]);
  return useView(conversation, select, isSameList);
}

function isSameList<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((entry, at) => entry === other[at]);
}
