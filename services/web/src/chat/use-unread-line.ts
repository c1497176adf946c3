import type { Conversation } from "@parley/client";
import { useEffect, useEffectEvent, useState } from "react";
import type { RoomMessage } from "./extras-of.ts";
import type { Here } from "./use-room.ts";

interface UnreadOf {
  readonly here: Here;
  readonly messages: readonly RoomMessage[];
  /** How far whoever looks has read, as the server knows it. */
  readonly ownMark: string | undefined;
}

type Line = { readonly isKnown: boolean; readonly from: string | undefined };

/**
 * The message above which "new" stands: the first of others that had not been read when somebody came here, or when they came back to the page. It stays where it is
 * while they are here, until they write themselves.
 */
export function useUnreadLine({ here, messages, ownMark }: UnreadOf): readonly [string | undefined, () => void] {
  const [line, setLine] = useState<Line>({ isKnown: false, from: undefined });
  const { room, viewerId } = here;
  if (!line.isKnown && room !== undefined && messages.length > 0) {
    setLine({ isKnown: true, from: firstBehind(messages, ownMark, viewerId) });
  }
  const lastSeen = useEffectEvent(() => messages.at(-1)?.message_id);
  const fix = useEffectEvent((after: string | undefined) =>
    setLine({ isKnown: true, from: firstBehind(messages, after, viewerId) }),
  );
  const isRoom = room !== undefined;
  useEffect(() => {
    if (!isRoom) return undefined;
    let leftAt = document.hidden ? lastSeen() : undefined;
    const look = () => {
      if (document.hidden) leftAt = lastSeen();
      else if (leftAt !== undefined) fix(leftAt);
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [isRoom]);
  return [line.from, () => setLine({ isKnown: true, from: undefined })];
}

/** Where nobody knows what was read, nothing is new. */
function firstBehind(messages: readonly RoomMessage[], mark: string | undefined, viewerId: string | undefined) {
  const at = messages.findIndex(({ message_id: id }) => id === mark);
  if (at < 0) return undefined;
  return messages.slice(at + 1).find(({ author }) => author.id !== viewerId)?.message_id;
}

interface ReadingOf extends UnreadOf {
  readonly isAtEnd: boolean;
}

/** What passes between two marks: who reads an answer that grows tells of it once. */
const pauseMs = 400;

/** Tells the server how far somebody has read: what is at the end of the list, in a tab that is seen. */
export function useMarkRead(conversation: Conversation, { here, messages, ownMark, isAtEnd }: ReadingOf): void {
  const last = here.room === undefined ? undefined : messages.findLast(isWhole)?.message_id;
  const isNews = last !== undefined && last !== ownMark && isAtEnd && !here.isRemoved;
  useEffect(() => {
    if (!isNews) return undefined;
    const tell = () => {
      if (!document.hidden) conversation.markRead(last);
    };
    const timer = setTimeout(tell, pauseMs);
    document.addEventListener("visibilitychange", tell);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", tell);
    };
  }, [isNews, last, conversation]);
}

function isWhole({ author, outcome }: RoomMessage): boolean {
  return author.role !== "assistant" || outcome !== undefined;
}
