import type { VisibleEvent } from "@parley/dialects";
import { isTerminal, type ConnectionFrame, type ConversationId, type TurnId } from "@parley/protocol";
import type { AnswerEnd } from "../figures/metrics.ts";

interface AskedTurn {
  readonly conversation: ConversationId;
  /** When its message came (a `performance.now`). */
  readonly sinceMs: number;
  hasToken: boolean;
  /** Called with its end; without that where it came in a snapshot. */
  readonly onEnd: AnswerEnded | undefined;
}

/** Must not throw, and not wait: the end is about to be sent. */
export type AnswerEnded = (end: VisibleEvent | undefined) => void;

/** The turns that a connection has asked for and whose end it has not been sent. */
export interface AskedTurns {
  readonly turns: Map<TurnId, AskedTurn>;
  /** So many of them have no token yet. */
  tokensAwaited: number;
}

export interface AskingOutlet {
  asked: AskedTurns | undefined;
}

export interface AnswerTimesDeps {
  readonly firstToken: { observe(seconds: number): void };
  readonly ended: (end: AnswerEnd, seconds: number) => void;
}

export type AnswerTimes = ReturnType<typeof createAnswerTimes>;

/** As many as a connection may have frames waiting. Of more, the oldest are not timed. */
const mostAsked = 64;

interface AskedNow {
  /** When the message came (a `performance.now`). */
  readonly sinceMs: number;
  readonly onEnd?: AnswerEnded | undefined;
}

/** From now on the answer is timed. */
export function noteAsked(
  outlet: AskingOutlet,
  { turn_id, conversation_id }: { readonly turn_id: TurnId; readonly conversation_id: ConversationId },
  { sinceMs, onEnd }: AskedNow,
): void {
  outlet.asked ??= { turns: new Map(), tokensAwaited: 0 };
  const { turns } = outlet.asked;
  if (turns.has(turn_id)) return;
  turns.set(turn_id, { conversation: conversation_id, sinceMs, hasToken: false, onEnd });
  outlet.asked.tokensAwaited++;
  const [oldest] = turns.keys();
  if (turns.size > mostAsked && oldest !== undefined) take(outlet, oldest);
}

/** No longer timed. */
function take(outlet: AskingOutlet, turn: TurnId): AskedTurn | undefined {
  const { asked } = outlet;
  const found = asked?.turns.get(turn);
  if (asked === undefined || found === undefined) return undefined;
  asked.turns.delete(turn);
  if (!found.hasToken) asked.tokensAwaited--;
  if (asked.turns.size === 0) outlet.asked = undefined;
  return found;
}

function secondsSince(sinceMs: number): number {
  return (performance.now() - sinceMs) / 1_000;
}

/** How long people wait for answers: timed on the connection that asked, as what is sent to it. Each turn once. */
export function createAnswerTimes({ firstToken, ended }: AnswerTimesDeps) {
  const noteToken = (asked: AskedTurns, turn: TurnId): void => {
    const found = asked.turns.get(turn);
    if (found === undefined || found.hasToken) return;
    found.hasToken = true;
    asked.tokensAwaited--;
    firstToken.observe(secondsSince(found.sinceMs));
  };
  const noteEnd = (outlet: AskingOutlet, turn: TurnId, end: AnswerEnd, event?: VisibleEvent): void => {
    const found = take(outlet, turn);
    if (found === undefined) return;
    ended(end, secondsSince(found.sinceMs));
    if (end !== "left") found.onEnd?.(event);
  };
  const noteDeletion = (outlet: AskingOutlet, asked: AskedTurns, deleted: ConversationId | undefined): void => {
    for (const [turn, { conversation }] of asked.turns) if (conversation === deleted) take(outlet, turn);
  };

  return {
    /** Called for each event of a connection that waits for answers. `isShown`: its dialect has a frame for it. */
    eventSent(outlet: AskingOutlet, asked: AskedTurns, event: VisibleEvent, isShown: boolean): void {
      const { type, turn } = event;
      if (type === "token") {
        if (asked.tokensAwaited > 0 && isShown) noteToken(asked, turn);
      } else if (isTerminal(type)) noteEnd(outlet, turn, type, event);
    },

    /** A socket that lagged gets its tokens, and may get the end, in a snapshot. */
    frameSent(outlet: AskingOutlet, asked: AskedTurns, frame: ConnectionFrame): void {
      if (frame.type === "error" && frame.frame === "delete" && frame.id === undefined)
        noteDeletion(outlet, asked, frame.conversation_id);
      if (frame.type !== "snapshot") return;
      const { turn_id, text, messages = [] } = frame;
      if (turn_id !== undefined && text !== undefined && text !== "") noteToken(asked, turn_id);
      for (const { turn_id: turn, author, status } of messages)
        if (author.role === "assistant") noteEnd(outlet, turn, isTerminal(status) ? status : "error");
    },

    /** The connection is gone. */
    left(outlet: AskingOutlet): void {
      for (const turn of [...(outlet.asked?.turns.keys() ?? [])]) noteEnd(outlet, turn, "left");
    },
  };
}
