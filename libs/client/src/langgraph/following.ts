import type { TurnView } from "@parley/protocol/fold";
import type { Conversation, ConversationFrame } from "../conversation-handle.ts";
import type { EventLog } from "./event-log.ts";
import { custom, lifecycle, values } from "./happenings.ts";
import type { EventData, State } from "./protocol.ts";
import { stateOf } from "./state.ts";
import { createTurnTelling, type TurnTelling } from "./turn-events.ts";

/** What happens in a conversation, as events of a thread whose runs are its turns. */
export interface Following {
  readonly state: () => State;
  readonly close: () => void;
}

interface Runs extends Pick<Following, "state"> {
  /** The message of this turn was sent under this id, which whoever sent it shows already. */
  readonly sentAs: (turnId: string, id: string) => void;
  /** What there is to tell of a turn. `isNewState`: the state has changed by more than that. */
  readonly look: (turn: TurnView, isAppended: boolean, isNewState: boolean) => void;
  readonly isKnown: (turnId: string) => boolean;
  /** The conversation was deleted: runs that it does not have any more come to no end. */
  readonly endLost: () => void;
  readonly add: (data: EventData, turnId?: string) => void;
}

export function follow(conversation: Conversation, log: EventLog): Following {
  const runs = createRuns(conversation, log);
  let { view } = conversation;
  /** Whether the frame that comes adds to what was said last, and changes nothing else. */
  let isAppended = false;

  function look(next: typeof view): void {
    const before = view;
    view = next;
    let isNewState = next.transcript !== before.transcript;
    for (const turn of next.turns) {
      const known = before.turns.find(({ turn_id }) => turn_id === turn.turn_id);
      // What had ended before anybody followed it is in the state.
      const hadEnded = known?.outcome !== undefined && !runs.isKnown(turn.turn_id);
      if (turn === known || hadEnded) continue;
      runs.look(turn, isAppended, isNewState || turn.message !== known?.message);
      isNewState = false;
    }
    if (isNewState) runs.add(values(runs.state()));
  }

  function hear(frame: ConversationFrame): void {
    isAppended = frame.type === "token" || frame.type === "reasoning";
    // Before anything else is told of the turn, also where all comes at once.
    if (frame.type === "accepted") runs.sentAs(frame.turn_id, frame.id);
    if (frame.type === "progress" && frame.seq > view.seq) {
      runs.add(custom("progress", { step: frame.step, message: frame.message }), frame.turn_id);
    }
    if (frame.type === "title") runs.add(custom("title", { title: frame.title }));
  }

  // Of a conversation that somebody had open already.
  if (runs.state().messages.length > 0) runs.add(values(runs.state()));
  for (const turn of view.turns) if (turn.outcome === undefined) runs.look(turn, false, false);
  const ends = [
    conversation.on("frame", hear),
    conversation.on("change", look),
    conversation.on("error", runs.endLost),
  ];
  return { ...runs, close: () => ends.forEach((end) => end()) };
}

function createRuns(conversation: Conversation, log: EventLog): Runs {
  const runs = new Map<string, TurnTelling>();
  const questionIds = new Map<string, string>();
  /** Whose conversation was deleted: who looks now is told of their end, until the next one begins. */
  const lost = new Set<string>();
  let seq = 0;

  const state = (): State => stateOf(conversation.view, (turnId) => runs.get(turnId)?.idOf, questionIds);

  function add(data: EventData, turnId?: string): void {
    // A view that begins anew has no cursor.
    seq = Math.max(seq, conversation.view.seq);
    log.add(data, seq, turnId);
  }

  /**
   * The SDK opens a new stream whenever it wants more channels, and wants the whole run again on it: of runs that have ended the last one is kept for that.
   */
  function forgetOld(): void {
    const ended = [...runs].filter(([, run]) => run.hasEnded()).map(([id]) => id);
    const old = new Set([...ended.slice(0, -1), ...lost]);
    for (const id of old) runs.delete(id);
    lost.clear();
    log.forget(old);
  }

  return {
    add,
    state,
    sentAs: (turnId, id) => void questionIds.set(turnId, id),
    isKnown: (turnId) => runs.has(turnId),
    look: (turn, isAppended, isNewState) => {
      const { turn_id } = turn;
      const run = runs.get(turn_id) ?? createTurnTelling(turn_id, conversation.id);
      if (!runs.has(turn_id)) forgetOld();
      runs.set(turn_id, run);
      const happenings = run.look(turn, isAppended);
      const last = happenings.at(-1);
      // The end of a run is its last word: the SDK does not read on behind it.
      const end = last?.method === "lifecycle" ? last : undefined;
      for (const one of happenings) if (one !== end) add(one, turn_id);
      if (isNewState || happenings.some(changesState)) add(values(state()), turn_id);
      if (end !== undefined) add(end, turn_id);
    },
    endLost: () => {
      for (const [id, run] of runs) {
        if (run.hasEnded() || conversation.view.turns.some(({ turn_id }) => turn_id === id)) continue;
        runs.delete(id);
        lost.add(id);
        add(lifecycle({ event: "failed", error: "The conversation was deleted." }), id);
      }
      if (state().messages.length === 0) questionIds.clear();
    },
  };
}

/** Not by each token: who wants those has the messages. */
function changesState({ method, params }: EventData): boolean {
  return (
    method === "lifecycle" || (method === "tools" && "event" in params.data && params.data.event !== "tool-started")
  );
}
