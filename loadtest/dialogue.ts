import { questionFor } from "./schedule.ts";
import type { Group } from "./settings.ts";
import type { Tally } from "./tally.ts";
import { createTurn, type Turn } from "./turn.ts";
import { type Frame, messageFrame, subscribeFrame, unsubscribeFrame } from "./wire.ts";

export interface DialogueOptions {
  readonly run: string;
  readonly user: number;
  readonly group: Group;
  readonly tally: Tally;
  readonly send: (text: string) => void;
  /** Everything that there is has been had. */
  readonly onCaughtUp: (atMs: number) => void;
  /** The question has been answered, or not: `complete`, or what it was instead. */
  readonly onEnd: (how: string) => void;
}

export interface Dialogue {
  hasMore(): boolean;
  isWaiting(): boolean;
  ask(): void;
  /** After a loss: goes on where it was. Returns whether there was anything to go on with. */
  resume(): boolean;
  frame(frame: Frame, atMs: number): void;
}

/** A conversation goes on for so long, then a new one begins: else each question would cost more than the one before. */
const turnsPerConversation = 5;

/** The questions of one user, and the place in the conversation they belong to. */
export function createDialogue(options: DialogueOptions): Dialogue {
  const { run, user, group, tally, send, onCaughtUp, onEnd } = options;
  let place = createPlace("", tally);
  let turn: Turn | undefined;
  let asked = 0;

  const sendTurn = ({ id, text }: Turn): void => send(messageFrame({ id, text, conversation: place.conversation }));
  const end = (how: string): void => {
    turn = undefined;
    onEnd(how);
  };
  const event = (frame: Frame, atMs: number): void => {
    onCaughtUp(atMs);
    const how = frame.type === "snapshot" ? turn?.snapshot(frame) : turn?.event(frame, atMs);
    if (how !== undefined) end(how);
  };

  return {
    hasMore: () => group.turns === 0 || asked < group.turns,
    isWaiting: () => turn !== undefined,
    ask() {
      if (asked % turnsPerConversation === 0) {
        if (asked > 0) send(unsubscribeFrame(place.conversation));
        place = createPlace(`${run}-${user}-${asked}`, tally);
      }
      const text = questionFor(group, group.manner);
      turn = createTurn({ id: `${run}-${user}-m${asked}`, text, pace: group, hasTools: group.manner !== "", tally });
      asked++;
      sendTurn(turn);
    },
    resume() {
      if (asked > 0) send(subscribeFrame(place.conversation, place.cursor()));
      return asked > 0;
    },
    frame(frame, atMs) {
      if (frame.type === "accepted") turn?.accepted(frame.turn, atMs);
      // Whoever waits for words is only helped by the next one; everybody else has all there is.
      if (frame.type === "subscribed" && turn === undefined) onCaughtUp(atMs);
      // What was lost on the way is asked again: the same id is the same turn.
      if (turn !== undefined && showsLoss(frame, turn)) sendTurn(turn);
      else if (isRefusal(frame)) end(`refused ${frame.code}`);
      else if (place.takes(frame)) event(frame, atMs);
    },
  };
}

function isRefusal({ type, turn }: Frame): boolean {
  return type === "error" && turn === "";
}

/** Whether the server, after a loss, knows nothing of the question or has not said so. */
function showsLoss(frame: Frame, turn: Turn): boolean {
  if (turn.isAccepted()) return false;
  return frame.type === "subscribed" || (isRefusal(frame) && frame.code === "NOT_FOUND");
}

/** How far the user is in a conversation. */
function createPlace(conversation: string, tally: Tally) {
  let last = 0;
  return {
    conversation,
    cursor: () => last,
    /** Whether the frame is the next one of this conversation. */
    takes(frame: Frame): boolean {
      if (frame.seq === 0 || frame.conversation !== conversation) return false;
      if (frame.type === "snapshot") tally.count("snapshots");
      else if (frame.seq <= last) tally.count("out_of_order");
      if (frame.seq <= last) return false;
      last = frame.seq;
      return true;
    },
  };
}
