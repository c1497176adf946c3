import fc from "fast-check";
import {
  EventFrame,
  createTurnView,
  foldEvent,
  isTerminal,
  isVisible,
  textOf,
  toolCallsOf,
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

type Step = "token" | "reasoning" | "tool" | "start" | "end" | "progress" | "sources" | "restart";
interface TurnPlan {
  readonly steps: readonly {
    readonly step: Step;
    readonly text: string;
    /** Which call, or how much of a text stays. */
    readonly choice: number;
  }[];
  readonly end: "complete" | "cancelled" | "error" | "running";
}

const steps = fc.array(
  fc.record({
    step: fc.oneof(
      { weight: 5, arbitrary: fc.constant<Step>("token") },
      {
        weight: 7,
        arbitrary: fc.constantFrom<Step>("reasoning", "tool", "start", "end", "progress", "sources", "restart"),
      },
    ),
    text: fc.string({ maxLength: 8 }),
    choice: fc.nat(9),
  }),
  { maxLength: 16 },
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

/** A beginning of the text, all of it, more than it, or another one altogether. */
function textAfterRestart(text: string, said: string, choice: number): string {
  if (choice === 9) return `${said}?`;
  if (choice === 8) return text + said;
  return text.slice(0, (text.length * choice) / 7);
}

function eventsOf(plan: TurnPlan, turn_id: string): StoredEvent[] {
  const common = { conversation_id, turn_id, ts: 0 };
  let [attempt, n, text] = [1, 0, ""];
  const chained = () => ({ ...common, attempt, n: n++ });
  const author = { role: "user" as const };
  const callOf = (choice: number) => ({
    call_id: `${turn_id}-0-${choice % 3}`,
    tool_name: "look",
    arguments: { of: choice % 3 },
  });
  const start = (choice: number): StoredEvent => ({ type: "tool_call_start", ...chained(), ...callOf(choice) });
  const end = (said: string, choice: number): StoredEvent => {
    const beginning = choice > 5 ? { truncated: true, result_bytes: 9_000, result_id: callOf(choice).call_id } : {};
    const finished = { status: "completed", result: said, duration_ms: 1, ...beginning };
    return { type: "tool_call_end", ...common, ...callOf(choice), ...finished };
  };
  const events: StoredEvent[] = [
    { type: "message", ...common, message_id: `${turn_id}-u`, id: `m-${turn_id}`, author, message: "?" },
    { type: "claimed", ...chained(), worker: "w" },
  ];
  const actions: Record<Step, (said: string, choice: number) => StoredEvent[]> = {
    token: (said) => {
      text += said;
      return [{ type: "token", ...chained(), token: said }];
    },
    reasoning: (said) => [{ type: "reasoning", ...chained(), token: said }],
    progress: (said) => [{ type: "progress", ...chained(), step: "generating", message: said }],
    sources: (said, choice) => {
      const sources = Array.from({ length: choice % 3 }, (_, i) => ({ title: `p${i + (choice % 2)}`, score: choice }));
      return [{ type: "progress", ...chained(), step: "rag_retrieval", message: said, sources }];
    },
    start: (_said, choice) => [start(choice)],
    // Also of a call whose start was never stored.
    end: (said, choice) => [end(said, choice)],
    tool: (said, choice) => [
      { type: "step", ...chained(), step: choice, tool_calls: [callOf(choice)], usage },
      start(choice),
      { type: "tool_call_progress", ...common, call_id: callOf(choice).call_id, message: said },
      end(said, choice),
    ],
    restart: (said, choice) => {
      [attempt, n, text] = [attempt + 1, 0, textAfterRestart(text, said, choice)];
      return [
        { type: "claimed", ...chained(), worker: "w2" },
        { type: "turn_restarted", ...chained(), text },
      ];
    },
  };
  for (const { step, text: said, choice } of plan.steps) events.push(...actions[step](said, choice));
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
    const own = event.type === "message" || isTerminal(event.type);
    if (index >= from && own) frames.push(...framesOf([{ seq, event }]));
    const turn = foldEvent(turns.get(event.turn_id) ?? createTurnView(event.turn_id), event);
    turns.set(event.turn_id, turn);
    if (index >= from && !own) snapshots.set(event.turn_id, snapshotOf(turn, seq));
  }
  return [...frames, ...snapshots.values()].toSorted((a, b) => a.seq - b.seq);
}

/** As an edge says it. */
function snapshotOf(turn: TurnView, seq: number): SnapshotFrame {
  return {
    type: "snapshot",
    conversation_id,
    seq,
    turn_id: turn.turn_id,
    attempt: turn.attempt,
    text: textOf(turn),
    tool_calls: toolCallsOf(turn).map(({ type: _, ...call }) => call),
    parts: [...turn.parts],
    status: turn.status === "queued" ? "queued" : "running",
    ts: 0,
  };
}
