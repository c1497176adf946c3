import {
  createTurnView,
  foldEvent,
  isTerminal,
  isVisible,
  type Outcome,
  type Parts,
  type StoredEvent,
} from "@parley/protocol";
import type { ConversationHistory, StoredAt } from "../history.ts";

export type OfType<T extends StoredEvent["type"]> = StoredAt & { readonly event: Extract<StoredEvent, { type: T }> };

/** The events of one turn, and what they come to. */
export interface TurnLog {
  readonly turn: string;
  /** All of them, in order. */
  readonly events: readonly StoredAt[];
  /** The agent's chain alone. */
  readonly chain: readonly StoredAt[];
  readonly terminal: OfType<Outcome["type"]> | undefined;
  readonly message: OfType<"message"> | undefined;
  readonly control: OfType<"cancel_requested"> | undefined;
  readonly firstClaim: OfType<"claimed"> | undefined;
  /** What a viewer has who has seen everything up to this sequence. Undefined: nothing yet. */
  asOf(seq: number): TurnState | undefined;
}

export interface TurnState {
  /** Text, calls and what else there is, in their order. */
  readonly parts: Parts;
}

export function ofType<T extends StoredEvent["type"]>(stored: StoredAt, ...types: readonly T[]): stored is OfType<T> {
  return types.some((type) => type === stored.event.type);
}

/** The turns of a conversation, in the order of their first event. */
export function turnLogsOf({ events }: Pick<ConversationHistory, "events">): ReadonlyMap<string, TurnLog> {
  const byTurn = new Map<string, StoredAt[]>();
  for (const stored of events) {
    const own = byTurn.get(stored.turn) ?? [];
    own.push(stored);
    byTurn.set(stored.turn, own);
  }
  return new Map([...byTurn].map(([turn, own]) => [turn, turnLogOf(turn, own)]));
}

function turnLogOf(turn: string, events: readonly StoredAt[]): TurnLog {
  const find = <T extends StoredEvent["type"]>(...types: readonly T[]): OfType<T> | undefined =>
    events.find((stored): stored is OfType<T> => ofType(stored, ...types));
  return {
    turn,
    events,
    chain: events.filter(({ channel }) => channel === "a"),
    terminal: find("complete", "cancelled", "error"),
    message: find("message"),
    control: find("cancel_requested"),
    firstClaim: find("claimed"),
    asOf: createFold(turn, events),
  };
}

function createFold(turn: string, events: readonly StoredAt[]): TurnLog["asOf"] {
  let view = createTurnView(turn);
  const states: (TurnState & { readonly seq: number })[] = [];
  for (const { seq, event } of events) {
    if (!isVisible(event.type)) continue;
    view = foldEvent(view, event);
    states.push({ seq, parts: view.parts });
  }
  return (seq) => states.findLast((state) => state.seq <= seq);
}

/**
 * Cancelled before anybody had begun it: such a turn ends at once, whichever turn of its conversation runs. Where the request is forgotten it shows by nothing of
 * an answer being there.
 */
export function wasCancelledWaiting({ chain, control, firstClaim, terminal }: TurnLog): boolean {
  if (terminal?.event.type !== "cancelled") return false;
  if (control === undefined) return !chain.some((stored) => ofType(stored, "thinking", "step", "token"));
  return firstClaim === undefined || control.seq < firstClaim.seq;
}

export function isEnd(stored: StoredAt): boolean {
  return isTerminal(stored.event.type);
}
