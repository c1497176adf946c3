import type { Conversation } from "@parley/client";
import type { ConversationView } from "@parley/protocol/fold";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { Offers } from "../api/answers.ts";
import type { Quoted, RoomScene } from "../message/room.ts";
import { beginningOf, quoted, textNow, type RoomMessage } from "./extras-of.ts";
import { mentionsIn, type Candidate } from "./mentions.ts";
import type { Editing, RoomActs } from "./room-acts.ts";
import { editingOf } from "./room-actions.tsx";
import type { Pinned } from "./room-header.tsx";
import { useCandidates, useScene, type Here } from "./use-room.ts";
import { useMarkRead } from "./use-unread-line.ts";

interface RoomPaneOf {
  readonly here: Here;
  readonly offers: Offers | undefined;
  readonly messages: readonly RoomMessage[];
  readonly changes: Changes;
  readonly ownMark: string | undefined;
  /** Whether people can be asked for here: not in a page of somebody else's. */
  readonly isWhole: boolean;
  readonly jumpTo: (messageId: string) => void;
}

export interface RoomPane {
  readonly scene: RoomScene | undefined;
  readonly acts: RoomActs | undefined;
  readonly candidates: readonly Candidate[];
  readonly pins: readonly Pinned[];
  readonly quoted: Quoted | undefined;
  readonly stopReplying: () => void;
  readonly typing: ((isTyping: boolean) => void) | undefined;
  readonly setAtEnd: (isAtEnd: boolean) => void;
  /** Why the last thing that somebody did was not done. */
  readonly problem: unknown;
  readonly forgetProblem: () => void;
  /** What goes with a message that is sent now; that it replied to something is over then. */
  readonly withMessage: (text: string) => { readonly reply_to?: string; readonly mentions?: string[] };
  /** Opens the last own message to be changed. False: there is none. */
  readonly recall: (() => boolean) | undefined;
}

/** What a pane does where several people are. */
export function useRoomPane(conversation: Conversation, of: RoomPaneOf): RoomPane {
  const { here, offers, messages, changes, ownMark, isWhole, jumpTo } = of;
  const candidates = useCandidates(here, isWhole ? offers : undefined);
  const [replyTo, setReplyTo] = useState<string>();
  const [isAtEnd, setAtEnd] = useState(true);
  const { attempt, problem, forgetProblem } = useAttempt();
  useMarkRead(conversation, { here, messages, ownMark, isAtEnd: isAtEnd && isWhole });
  const { acts, edit } = useActs({ here, conversation, attempt, reply: setReplyTo, isWhole });
  const mayReact = acts !== undefined && here.room !== undefined && here.mayWrite;
  const react = useCallback<NonNullable<RoomScene["react"]>>(
    (messageId, reaction, on) => attempt(conversation.react(messageId, reaction, on)),
    [attempt, conversation],
  );
  const scene = useScene({ here, candidates, jumpTo, react: mayReact ? react : undefined });
  useEndOfTyping(conversation);
  const isRoom = isWhole && here.room !== undefined;
  return {
    scene,
    acts,
    candidates: isRoom ? candidates : nobody,
    pins: pinnedIn(here, messages, changes),
    quoted:
      replyTo === undefined ? undefined : quoted(replyTo, messageIn(messages, replyTo), { changes, room: here.room }),
    stopReplying: () => setReplyTo(undefined),
    typing: isRoom ? conversation.typing : undefined,
    setAtEnd,
    problem,
    forgetProblem,
    withMessage: (text) => {
      setReplyTo(undefined);
      const mentions = isRoom ? mentionsIn(text, candidates) : [];
      return {
        ...(replyTo === undefined ? {} : { reply_to: replyTo }),
        ...(mentions.length === 0 ? {} : { mentions: [...mentions] }),
      };
    },
    recall: isRoom ? () => recalled(messages, here, changes, edit) : undefined,
  };
}

const nobody: readonly Candidate[] = [];

/** What was asked for and not done is told where it was asked. */
function useAttempt() {
  const [problem, setProblem] = useState<unknown>();
  const attempt = useCallback((work: Promise<void>) => {
    setProblem(undefined);
    work.catch(setProblem);
  }, []);
  const forgetProblem = useCallback(() => setProblem(undefined), []);
  return { attempt, problem, forgetProblem } as const;
}

interface ActsOf extends Pick<RoomActs, "here" | "conversation" | "attempt" | "reply"> {
  readonly isWhole: boolean;
}

function useActs({ here, conversation, attempt, reply, isWhole }: ActsOf) {
  const [editing, edit] = useState<Editing>();
  const acts = useMemo(
    () => (isWhole ? { here, conversation, attempt, reply, editing, edit } : undefined),
    [here, conversation, attempt, reply, editing, isWhole],
  );
  return { acts, edit } as const;
}

/** Whoever leaves the conversation writes in it no more. */
function useEndOfTyping(conversation: Conversation): void {
  useEffect(() => () => conversation.typing(false), [conversation]);
}

type Changes = ConversationView["changes"];

function pinnedIn({ room }: Here, messages: readonly RoomMessage[], changes: Changes): readonly Pinned[] {
  return (room?.pins ?? []).map((messageId) => {
    const message = messageIn(messages, messageId);
    return { messageId, text: message === undefined ? undefined : beginningOf(textNow(message, changes)) };
  });
}

function messageIn(messages: readonly RoomMessage[], messageId: string): RoomMessage | undefined {
  return messages.find(({ message_id: id }) => id === messageId);
}

function recalled(
  messages: readonly RoomMessage[],
  { viewerId, mayWrite }: Here,
  changes: Changes,
  edit: (editing: Editing) => void,
): boolean {
  const isOwn = ({ author, message_id: id }: RoomMessage) =>
    author.role === "user" && author.id === viewerId && changes[id]?.deleted_at === undefined;
  const last = mayWrite ? messages.findLast(isOwn) : undefined;
  if (last !== undefined) edit(editingOf(last, changes[last.message_id]));
  return last !== undefined;
}
