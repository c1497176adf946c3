import type { Conversation, SendOptions } from "@parley/client";
import type { FrameError } from "@parley/protocol";
import {
  limits,
  textOf,
  type ConversationView,
  type MessageChanges,
  type MessageView,
  type QueuedTurn,
} from "@parley/protocol/fold";
import { useHistory, useMessages, useOpenTurn, useQueue, useRefusal, useSend, useView } from "@parley/react";
import { useMemo, useState } from "react";
import { useApi } from "../api/use-api.ts";
import { useOffers } from "./offers.ts";
import { rowsOf } from "./rows.ts";
import { extrasOf } from "./extras-of.ts";
import { useBranching } from "./use-branching.ts";
import { useHere, type Here } from "./use-room.ts";
import { useRoomPane } from "./use-room-pane.ts";
import { useUnreadLine } from "./use-unread-line.ts";
import { useViewer } from "./use-handed-over.ts";
import { useChosenBranch, type ChosenBranch } from "./use-chosen-branch.ts";

interface PaneOf {
  readonly isStartedHere: boolean;
  readonly userId: string | undefined;
  /** Who looks at it, also where nobody can be asked for. */
  readonly viewerId: string | undefined;
  readonly jumpTo: (messageId: string) => void;
}

/** What a pane shows, and what can be done with it. */
export function useConversationPane(conversation: Conversation, { isStartedHere, userId, viewerId, jumpTo }: PaneOf) {
  const offers = useOffers();
  const chosen = useChosenBranch(conversation);
  const here = useHere(conversation, viewerId);
  const shown = useShown(conversation, { isStartedHere, chosen: chosen.branch, here });
  const running = useRunning(conversation, here);
  const { messages, changes, ownMark } = shown;
  const room = useRoomPane(conversation, {
    here,
    offers,
    messages,
    changes,
    ownMark,
    jumpTo,
    isWhole: userId !== undefined,
  });
  const sending = useSend(conversation);
  const viewer = useViewer(conversation, viewerId);
  const branching = useBranching(conversation, chosen, { rows: shown.rows, running, offers, userId });
  const send = (text: string, options: SendOptions) => {
    shown.clearNew();
    return sending.send(text, { ...options, ...behind(chosen.branch), ...room.withMessage(text) });
  };
  return { offers, shown, running, branching, viewer, send, here, room, open: chosen.open } as const;
}

/** What is written while an older branch is shown goes behind that. */
function behind(branch: ChosenBranch | undefined): Pick<SendOptions, "parent"> {
  return branch === undefined ? {} : { parent: branch.leaf };
}

const none: readonly MessageView[] = [];

export type Running = ReturnType<typeof useRunning>;

export type Shown = Omit<ReturnType<typeof useShown>, "phase"> & {
  /** `left`: whoever looks was a member. */
  readonly phase: ReturnType<typeof useShown>["phase"] | "left";
};

interface ShownOf {
  readonly isStartedHere: boolean;
  readonly chosen: ChosenBranch | undefined;
  readonly here: Here;
}

/** All that the pane shows of the conversation, from its view and from nowhere else. */
function useShown(conversation: Conversation, { isStartedHere, chosen, here }: ShownOf) {
  const api = useApi();
  const refusal = useRefusal(conversation);
  const view = useMessages(conversation);
  const isKnown = useView(conversation, hasCursor);
  const queue = useQueue(conversation);
  const { outgoing } = useSend(conversation);
  const [olderChanges, learn] = useState<Changes>(noChanges);
  const history = useHistory(conversation, async (before, leaf) => {
    const page = await api.messages(conversation.id, before, leaf === undefined ? {} : { leaf });
    if (page.changes !== undefined) learn((known) => withNewer(known, page.changes ?? []));
    return page;
  });
  const waiting = useMemo(() => queue.filter(({ position }) => position > 0), [queue]);
  const next = queue.find(({ position }) => position === 0)?.turn_id;
  // Of a conversation that was deleted nothing is left, also of what had been read before.
  const older = view.length === 0 ? none : history.older;
  const room = useRoomRows(conversation, here, {
    olderChanges,
    older: chosen === undefined ? older : none,
    newer: chosen?.messages ?? view,
  });
  const { extras, unreadFrom } = room;
  const rows = useMemo(() => {
    const messages = chosen?.messages ?? view;
    const before = chosen === undefined ? { older, next } : { older: none, next: undefined };
    return rowsOf({ ...before, messages, outgoing, waiting: turnsOf(waiting), extras, unreadFrom });
  }, [chosen, older, view, outgoing, waiting, next, extras, unreadFrom]);
  const isEmpty = rows.length === 0 && waiting.length === 0;
  const phase = phaseOf({ isEmpty, refusal, isStartedHere, isKnown });
  return {
    ...room,
    phase,
    rows,
    waiting,
    isEmpty,
    refusal,
    agent: agentOf(view),
    beginning: isStartedHere || !history.hasMore ? beginningOf(older, view) : undefined,
    history: chosen?.history ?? (isStartedHere ? undefined : history),
  } as const;
}

type Changes = ConversationView["changes"];

const noChanges: Changes = {};

/** Of what is known of a message the highest number counts. */
function withNewer(known: Changes, told: readonly MessageChanges[]): Changes {
  const newer = told.filter((one) => one.n > (known[one.message_id]?.n ?? 0));
  return newer.length === 0 ? known : { ...known, ...Object.fromEntries(newer.map((one) => [one.message_id, one])) };
}

interface Messages {
  /** What pages of older messages said of them. */
  readonly olderChanges: Changes;
  readonly older: readonly MessageView[];
  readonly newer: readonly MessageView[];
}

/** What messages show of a room; nothing of it is made where its owner is alone and nothing became of any. */
function useRoomRows(conversation: Conversation, here: Here, { olderChanges, older, newer }: Messages) {
  const told = useView(conversation, changesIn);
  const changes = useMemo(() => withNewer(olderChanges, Object.values(told)), [olderChanges, told]);
  const reads = useView(conversation, readsIn);
  const { room, viewerId } = here;
  const isAlone = room === undefined && Object.keys(changes).length === 0;
  const messages = useMemo(
    () => (isAlone || older.length === 0 ? newer : [...older, ...newer]),
    [isAlone, older, newer],
  );
  const ownMark = viewerId === undefined ? undefined : reads[viewerId]?.message_id;
  const [unreadFrom, clearNew] = useUnreadLine({ here, messages, ownMark });
  const extras = useMemo(
    () => extrasOf(messages, { changes, reads, room, viewerId }),
    [messages, changes, reads, room, viewerId],
  );
  return { messages, changes, extras, ownMark, unreadFrom, clearNew } as const;
}

function changesIn({ changes }: ConversationView): ConversationView["changes"] {
  return changes;
}

function readsIn({ reads }: ConversationView): ConversationView["reads"] {
  return reads;
}

interface Known {
  readonly isEmpty: boolean;
  readonly refusal: FrameError | undefined;
  readonly isStartedHere: boolean;
  readonly isKnown: boolean;
}

/** What there is to see counts more than what the server said before it. */
function phaseOf({ isEmpty, refusal, isStartedHere, isKnown }: Known) {
  if (!isEmpty) return "messages";
  // That there is no such conversation is what makes it a new one.
  if (refusal !== undefined && (refusal.frame === "delete" || !isStartedHere)) return "refused";
  if (isStartedHere) return "empty";
  return isKnown ? "empty" : "loading";
}

function hasCursor({ seq }: { readonly seq: number }): boolean {
  return seq > 0;
}

function turnsOf(waiting: readonly QueuedTurn[]): ReadonlySet<string> {
  return new Set(waiting.map(({ turn_id }) => turn_id));
}

/** Whoever answered last. */
function agentOf(shown: readonly MessageView[]): string | undefined {
  const answer = shown.findLast(({ outcome }) => outcome?.type === "complete");
  return answer?.outcome?.type === "complete" ? answer.outcome.metadata.agent : undefined;
}

/** What the conversation began with, as far as it is one line. */
function beginningOf(...known: readonly (readonly MessageView[])[]): string | undefined {
  const first = known.flat().find(({ author }) => author.role === "user");
  return first === undefined ? undefined : textOf(first.parts).trim().split("\n", 1)[0]?.slice(0, limits.titleChars);
}

/** Whether an answer runs that the viewer may stop, and how: once, and that is told until its end has come. */
function useRunning(conversation: Conversation, { room, viewerId, isOwner }: Here) {
  const open = useOpenTurn(conversation);
  const mayStop = room === undefined || isOwner || open?.message?.author.id === viewerId;
  const turnId = mayStop ? open?.turn_id : undefined;
  const [stopped, setStopped] = useState<string>();
  const state = turnId === undefined ? "no" : turnId === stopped ? "stopping" : "yes";
  const stop = () => {
    if (turnId === undefined || state !== "yes") return;
    setStopped(turnId);
    conversation.cancel(turnId);
  };
  return { state, stop } as const;
}
