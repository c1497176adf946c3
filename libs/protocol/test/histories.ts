import fc from "fast-check";
import {
  EventFrame,
  applyEvent,
  createTurnView,
  isTerminal,
  isVisible,
  type SnapshotFrame,
  type StoredEvent,
  type TurnView,
} from "@parley/protocol";

/** Histories of a conversation as its workers would write them, and what a viewer gets of them. */

export const conversation_id = "c1";

export interface StoredAt {
  readonly seq: number;
  readonly event: StoredEvent;
}

type Step = "token" | "tool" | "progress" | "restart";
interface TurnPlan {
  readonly steps: readonly { readonly step: Step; readonly text: string }[];
  readonly end: "complete" | "cancelled" | "error" | "running";
}

const steps = fc.array(
  fc.record({
    step: fc.constantFrom<Step>("token", "token", "token", "tool", "progress", "restart"),
    text: fc.string(),
  }),
  { maxLength: 12 },
);
const ended = fc.record<TurnPlan>({ steps, end: fc.constantFrom("complete", "cancelled", "error") });
const last = fc.record<TurnPlan>({ steps, end: fc.constantFrom("complete", "cancelled", "error", "running") });

/** Up to four turns, all but the last one ended; sequences rise with holes, as other conversations share the stream. */
export const history: fc.Arbitrary<StoredAt[]> = fc
  .tuple(
    fc.array(ended, { maxLength: 3 }),
    last,
    fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
  )
  .map(([before, final, gaps]) => {
    let seq = 0;
    const events = [...before, final].flatMap((plan, index) => eventsOf(plan, `t${index}`));
    return events.map((event, index) => ({ seq: (seq += gaps[index % gaps.length] ?? 1), event }));
  });

const usage = { input_tokens: 1, output_tokens: 1 };

function eventsOf(plan: TurnPlan, turn_id: string): StoredEvent[] {
  const common = { conversation_id, turn_id, ts: 0 };
  let [attempt, n, text, calls] = [1, 0, "", 0];
  const chained = () => ({ ...common, attempt, n: n++ });
  const author = { role: "user" as const };
  const events: StoredEvent[] = [
    { type: "message", ...common, message_id: `${turn_id}-u`, id: `m-${turn_id}`, author, message: "?" },
    { type: "claimed", ...chained(), worker: "w" },
  ];
  const actions: Record<Step, (said: string) => StoredEvent[]> = {
    token: (said) => {
      text += said;
      return [{ type: "token", ...chained(), token: said }];
    },
    progress: (said) => [{ type: "progress", ...chained(), step: "generating", message: said }],
    tool: (said) => {
      const call = { call_id: `${turn_id}-0-${calls++}`, tool_name: "look", arguments: { said } };
      return [
        { type: "step", ...chained(), step: calls, tool_calls: [call], usage },
        { type: "tool_call_start", ...chained(), ...call },
        { type: "tool_call_end", ...common, ...call, status: "completed", result: said, duration_ms: 1 },
      ];
    },
    restart: () => {
      [attempt, n, text] = [attempt + 1, 0, text.slice(0, text.length / 2)];
      return [
        { type: "claimed", ...chained(), worker: "w2" },
        { type: "turn_restarted", ...chained(), text },
      ];
    },
  };
  for (const { step, text: said } of plan.steps) events.push(...actions[step](said));
  if (plan.end === "running") return events;
  const kept = { response: text, message_id: `${turn_id}-a`, tool_calls: [], usage };
  const outcomes = {
    complete: () => ({ type: "complete" as const, ...kept, metadata: {}, ...chained() }),
    cancelled: () => ({ type: "cancelled" as const, ...kept, reason: "asked", ...chained() }),
    error: () => ({
      type: "error" as const,
      ...kept,
      error: "!",
      code: "TOOL_FAILED" as const,
      retryable: true,
      ...chained(),
    }),
  };
  return [...events, outcomes[plan.end]()];
}

/** What a viewer that misses nothing gets. */
export function framesOf(history: readonly StoredAt[]): EventFrame[] {
  return history
    .filter(({ event }) => isVisible(event.type))
    .map(({ seq, event }) => EventFrame.parse({ ...event, seq }));
}

/**
 * What a viewer gets for a gap (`history.slice(from, to)`) when the events themselves are too many: messages and terminal events as they
 * are, everything else of a turn as one snapshot. `seq` of the snapshot is that of the last event in it.
 */
export function compacted(history: readonly StoredAt[], from: number, to: number): (EventFrame | SnapshotFrame)[] {
  const turns = new Map<string, TurnView>();
  const frames: (EventFrame | SnapshotFrame)[] = [];
  const snapshots = new Map<string, SnapshotFrame>();
  for (const [index, { seq, event }] of history.slice(0, to).entries()) {
    const turn = turns.get(event.turn_id) ?? createTurnView(event.turn_id);
    turns.set(event.turn_id, turn);
    const own = event.type === "message" || isTerminal(event.type);
    if (index >= from && own) frames.push(...framesOf([{ seq, event }]));
    applyEvent(turn, event);
    if (index >= from && !own) snapshots.set(event.turn_id, snapshotOf(turn, seq));
  }
  return [...frames, ...snapshots.values()].toSorted((a, b) => a.seq - b.seq);
}

function snapshotOf(turn: TurnView, seq: number): SnapshotFrame {
  return {
    type: "snapshot",
    conversation_id,
    seq,
    turn_id: turn.turn_id,
    attempt: turn.attempt,
    text: turn.text,
    tool_calls: [...turn.tool_calls.values()],
    status: turn.status === "queued" ? "queued" : "running",
    ts: 0,
  };
}
