import {
  createTurnView,
  foldEvent,
  isVisible,
  type ReadEvent,
  type StoredEvent,
  type TurnView,
} from "@parley/protocol";
import fc from "fast-check";

/** Answers as workers write them: each event behind those that it rests on, results and decisions in any order. */

export const place = { conversation_id: "c1", turn_id: "t" };

interface CallPlan {
  readonly asked: boolean;
  readonly approved: boolean;
  readonly status: string;
  /** When it ends or is asked about, among the calls of its step; and when it is decided. */
  readonly rank: number;
  readonly decidedRank: number;
}

interface StepPlan {
  readonly sources: number;
  readonly reasoning: readonly string[];
  readonly text: readonly string[];
  readonly calls: readonly CallPlan[];
  /** A worker is lost behind so many tokens of the text; the next one keeps so many of their characters. */
  readonly lost: { readonly behind: number; readonly keeps: number; readonly saysOther: boolean } | undefined;
}

interface AnswerPlan {
  readonly steps: readonly StepPlan[];
  readonly end: "complete" | "cancelled" | "error" | "running";
  /** It ends behind so many of its events. */
  readonly cutAt: number;
}

const word = fc.oneof(fc.string({ maxLength: 9, unit: "grapheme" }), fc.constantFrom(" ", "word ", "a longer word, "));
const call = fc.record<CallPlan>({
  asked: fc.boolean(),
  approved: fc.boolean(),
  status: fc.constantFrom("completed", "failed", "timeout", "unknown"),
  rank: fc.nat(99),
  decidedRank: fc.nat(99),
});
const stepOf = (lost: fc.Arbitrary<StepPlan["lost"]>): fc.Arbitrary<StepPlan> =>
  fc.record<StepPlan>({
    sources: fc.oneof(fc.constant(0), fc.nat(2)),
    reasoning: fc.array(word, { maxLength: 2 }),
    text: fc.array(word, { maxLength: 6 }),
    calls: fc.array(call, { maxLength: 3 }),
    lost,
  });
const loss = fc.option(fc.record({ behind: fc.nat(6), keeps: fc.nat(30), saysOther: fc.boolean() }), {
  nil: undefined,
  freq: 2,
});

function planOf(lost: fc.Arbitrary<StepPlan["lost"]>): fc.Arbitrary<AnswerPlan> {
  return fc.record<AnswerPlan>({
    steps: fc.array(stepOf(lost), { minLength: 1, maxLength: 3 }),
    end: fc.constantFrom("complete", "cancelled", "error", "running"),
    cutAt: fc.oneof(fc.constant(1_000), fc.nat(40)),
  });
}

/** No worker is lost in the middle of a text. */
export const straightAnswers = planOf(fc.constant(undefined)).map(eventsOf);
export const restartedAnswers = planOf(loss).map(eventsOf);

const usage = { input_tokens: 1, output_tokens: 1 };

function createWriter() {
  const common = { ...place, ts: 1 };
  const state = { attempt: 1, n: 0, text: "" };
  const chained = () => ({ ...common, attempt: state.attempt, n: state.n++ });
  const claim = (): StoredEvent => ({ type: "claimed", ...chained(), worker: "w" });
  return {
    common,
    state,
    chained,
    claim,
    claimAgain(): StoredEvent {
      state.attempt++;
      state.n = 0;
      return claim();
    },
  };
}

type Writer = ReturnType<typeof createWriter>;

function eventsOf({ steps, end, cutAt }: AnswerPlan): StoredEvent[] {
  const writer = createWriter();
  const events = [
    writer.claim(),
    { type: "thinking", ...writer.chained(), message: "" } as const,
    ...steps.flatMap((step, at) => eventsOfStep(writer, step, at)),
  ].slice(0, cutAt + 2);
  if (end === "running") return events;
  const last = viewsOf(events).at(-1) ?? createTurnView("t");
  const response = last.parts.map((part) => (part.type === "text" ? String(part["text"]) : "")).join("");
  // Attempts count on from what is there.
  const chained = { ...writer.common, attempt: last.attempt, n: 1_000 };
  const kept = { ...chained, response, message_id: "t-a", tool_calls: [], usage };
  const error = { error: "A tool failed.", code: "TOOL_FAILED", retryable: true } as const;
  if (end === "complete") return [...events, { type: "complete", ...kept, metadata: {} }];
  return [
    ...events,
    end === "error" ? { type: "error", ...kept, ...error } : { type: "cancelled", ...kept, reason: "cancelled" },
  ];
}

function eventsOfStep(writer: Writer, plan: StepPlan, step: number): StoredEvent[] {
  const { chained } = writer;
  const sources = Array.from({ length: plan.sources }, (_, at) => ({ title: `p${step}-${at}`, score: 1 }));
  const found: StoredEvent[] =
    sources.length === 0 ? [] : [{ type: "progress", ...chained(), step: "rag_retrieval", message: "found", sources }];
  const thought = plan.reasoning.map((token): StoredEvent => ({ type: "reasoning", ...chained(), token }));
  return [...found, ...thought, ...textOf(writer, plan), ...callsOf(writer, plan, step)];
}

function textOf(writer: Writer, { text, lost }: StepPlan): StoredEvent[] {
  const { state, chained } = writer;
  const committed = state.text;
  const say = (token: string): StoredEvent => {
    state.text += token;
    return { type: "token", ...chained(), token };
  };
  const before = text.slice(0, lost?.behind ?? text.length).map(say);
  if (lost === undefined) return before;
  const whole = committed + text.join("");
  const kept = state.text.slice(0, committed.length + lost.keeps);
  state.text = kept;
  const again: StoredEvent[] = [writer.claimAgain(), { type: "turn_restarted", ...chained(), text: kept }];
  const rest = lost.saysOther ? "otherwise" : whole.slice(kept.length);
  return [...before, ...again, ...(rest === "" ? [] : [say(rest.slice(0, 3)), say(rest.slice(3))])];
}

function callsOf(writer: Writer, { calls }: StepPlan, step: number): StoredEvent[] {
  if (calls.length === 0) return [];
  const { common, chained } = writer;
  const named = calls.map((plan, at) => ({
    ...plan,
    about: { call_id: `t-${step}-${at}`, tool_name: "look", arguments: { at } },
  }));
  type Named = (typeof named)[number];
  const end = ({ about, status }: Named): StoredEvent => {
    return { type: "tool_call_end", ...common, ...about, status, result: `did ${about.call_id}`, duration_ms: 1 };
  };
  const ask = ({ about }: Named): StoredEvent => {
    return { type: "approval_required", ...common, ...about, summary: "Do it?", expires_at: 9 };
  };
  const decide = ({ about, approved }: Named): StoredEvent => {
    const by = { id: "ann" };
    return { type: "approval_decided", ...common, call_id: about.call_id, approved, by };
  };
  const asked = named.filter((one) => one.asked);
  const first = named.toSorted((one, other) => one.rank - other.rank);
  const later = asked.toSorted((one, other) => one.decidedRank - other.decidedRank);
  const until = { until: 9, for: "approval" };
  const wait = (): StoredEvent => ({ type: "waiting", ...chained(), ...until });
  const goOn = (one: Named, at: number): StoredEvent[] => [
    decide(one),
    writer.claimAgain(),
    end(one.approved ? one : { ...one, status: "denied" }),
    ...(at < later.length - 1 ? [wait()] : []),
  ];
  return [
    { type: "step", ...chained(), step, tool_calls: named.map(({ about }) => about), usage },
    ...named.map(({ about }): StoredEvent => ({ type: "tool_call_start", ...chained(), ...about })),
    ...first.map((one) => (one.asked ? ask(one) : end(one))),
    ...(asked.length > 0 ? [wait()] : []),
    ...later.flatMap(goOn),
  ];
}

/** The answer after each of the events that viewers see. */
export function viewsOf(events: readonly ReadEvent[]): TurnView[] {
  let view = createTurnView(place.turn_id);
  return events.filter(({ type }) => isVisible(type)).map((event) => (view = foldEvent(view, event)));
}
