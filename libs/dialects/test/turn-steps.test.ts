import {
  createTurnView,
  foldEvent,
  isTerminal,
  isVisible,
  type Outcome,
  type Part,
  type Parts,
  type StoredEvent,
  type TurnView,
} from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { history } from "../../protocol/test/histories.ts";
import { createTurnSteps, partsUntilDecision } from "../src/turn/steps.ts";
import type { TurnStep } from "../src/turn/turn-step.ts";

/** What a client has that does what the steps say. */
function createClient() {
  let parts: { at: number; says: string }[] = [];
  let over: "ended" | "diverged" | undefined;
  const at = (place: number) => {
    const found = parts.find((part) => part.at === place);
    if (found === undefined) throw new Error(`There is no part ${place}.`);
    return found;
  };
  return {
    get over() {
      return over;
    },
    shown: (): string[] => parts.map(({ says }) => says),
    take(steps: readonly TurnStep[]): void {
      for (const step of steps) {
        if (over !== undefined) throw new Error(`${step.type} came after the last step.`);
        if (step.type === "restarted") parts = parts.filter((part) => part.at < step.from);
        else if (step.type === "ended" || step.type === "diverged") over = step.type;
        else if (isNew(step)) parts.push({ at: step.at, says: saysNew(step) });
        else change(at, step);
      }
    },
  };
}

type NewPart = Extract<TurnStep, { type: "opened" | "called" | "found" }>;

function isNew(step: TurnStep): step is NewPart {
  return step.type === "opened" || step.type === "called" || step.type === "found";
}

function saysNew(step: NewPart): string {
  if (step.type === "opened") return `${step.kind}:`;
  return step.type === "called" ? `call:${step.call.call_id}` : `source:${step.source.title}`;
}

function change(at: (place: number) => { says: string }, step: TurnStep): void {
  if (step.type === "added") at(step.at).says += step.text;
  if (step.type === "returned") at(step.at).says += `=${step.call.status}`;
  if (step.type === "closed" && at(step.at).says !== `${step.kind}:${step.text}`) throw new Error("closed otherwise");
}

function says(part: Part): string[] {
  if (part.type === "text" || part.type === "reasoning") return [`${part.type}:${String(part["text"])}`];
  if (part.type === "source") return [`source:${String(part["title"])}`];
  if (part.type !== "tool_call") return [];
  const status = typeof part["status"] === "string" ? `=${part["status"]}` : "";
  return [`call:${String(part["call_id"])}${status}`];
}

const shownOf = (parts: Parts): string[] => parts.flatMap(says);

interface Seen {
  readonly view: TurnView;
  /** What made it of the view before. */
  readonly event: StoredEvent | undefined;
}

/** The views of the last turn of a history after each of its events that viewers see. */
const viewsOfTurn = history.map((events): Seen[] => {
  const last = events.at(-1)?.event.turn_id ?? "t0";
  let view = createTurnView(last);
  return events
    .filter(({ event }) => event.turn_id === last)
    .map(({ event }) => {
      view = foldEvent(view, event);
      return { event, view };
    })
    .filter(({ event }) => isVisible(event.type) && (event.type !== "message" || isTerminal(event.type)));
});

/** Some of the views never come: a snapshot stands for them, and it is no event. */
const seenViews = fc.tuple(viewsOfTurn, fc.array(fc.boolean(), { minLength: 1 })).map(([all, keep]) => {
  const isKept = (index: number): boolean => index === all.length - 1 || (keep[index % keep.length] ?? true);
  return all.flatMap(({ view, event }, index): Seen[] => {
    if (!isKept(index)) return [];
    return [{ view, event: index === 0 || isKept(index - 1) ? event : undefined }];
  });
});

describe("the steps of a turn", () => {
  test("make of a client what the view has, whatever views it gets", () => {
    fc.assert(
      fc.property(seenViews, (views) => {
        const [steps, client] = [createTurnSteps({ takesBack: "any" }), createClient()];
        for (const { view, event } of views) {
          client.take(steps.advance(view, event));
          expect(client.shown()).toEqual(shownOf(view.parts));
        }
        expect(client.over).toBe(views.at(-1)?.view.outcome === undefined ? undefined : "ended");
      }),
    );
  });

  test.each(["step", "never"] as const)("end with the whole answer, or say that they cannot (%s)", (takesBack) => {
    fc.assert(
      fc.property(seenViews, (views) => {
        const [steps, client] = [createTurnSteps({ takesBack }), createClient()];
        for (const { view, event } of views) client.take(steps.advance(view, event));
        const last = views.at(-1)?.view;
        fc.pre(last?.outcome !== undefined);
        expect(client.over).toBeDefined();
        const whole = shownOf(last?.parts ?? []);
        expect(client.over === "ended" ? client.shown() : whole).toEqual(whole);
      }),
    );
  });

  test("leave out what the client is not told of", () => {
    fc.assert(
      fc.property(seenViews, (views) => {
        const without = new Set(["reasoning", "tool_call"] as const);
        const [steps, client] = [createTurnSteps({ takesBack: "any", without }), createClient()];
        for (const { view, event } of views) client.take(steps.advance(view, event));
        const left = shownOf(views.at(-1)?.view.parts ?? []).filter((said) => !/^(reasoning|call):/.test(said));
        expect(client.shown()).toEqual(left);
      }),
    );
  });
});

const call = { type: "tool_call", call_id: "t-0-0", tool_name: "look", arguments: {} } as const;
const done = { ...call, status: "completed", result: "ok" } as const;
const text = (said: string) => ({ type: "text", text: said }) as const;
const turn = (parts: Parts, more: Partial<TurnView> = {}): TurnView => ({
  ...createTurnView("t"),
  status: "running",
  parts,
  ...more,
});
const typesOf = (steps: readonly TurnStep[]): string[] => steps.map(({ type }) => type);

describe("a step of the model", () => {
  test("begins behind calls that have all ended", () => {
    const steps = createTurnSteps({ takesBack: "step" });
    steps.advance(turn([text("I look."), call, { ...call, call_id: "t-0-1" }]));
    expect(typesOf(steps.advance(turn([text("I look."), done, { ...call, call_id: "t-0-1" }])))).toEqual(["returned"]);
    const both = [text("I look."), done, { ...done, call_id: "t-0-1" }];
    expect(typesOf(steps.advance(turn([...both, text("So")])))).toEqual(["returned", "step", "opened", "added"]);
    // The next attempt says something else, and nothing of the step before is taken back.
    const [first] = steps.advance(turn([...both, text("Yes")]));
    expect(first).toEqual({ type: "restarted", from: 3 });
  });
});

describe("an answer that begins anew for a client that cannot take back", () => {
  const begun = () => {
    const steps = createTurnSteps({ takesBack: "never" });
    steps.advance(turn([text("Hello, wor")]));
    return steps;
  };

  test("goes on where it has repeated what was sent", () => {
    const steps = begun();
    expect(steps.advance(turn([]))).toEqual([]);
    expect(steps.advance(turn([text("Hello")]))).toEqual([]);
    expect(steps.advance(turn([text("Hello, world")]))).toEqual([{ type: "added", at: 0, kind: "text", text: "ld" }]);
  });

  test("has diverged when it says something else", () => {
    expect(begun().advance(turn([text("Good day")]))).toEqual([{ type: "diverged" }]);
  });

  test("has diverged when it ends before it has repeated all", () => {
    const outcome: Outcome = {
      type: "cancelled",
      response: "Hello",
      message_id: "t-a",
      tool_calls: [],
      usage: { input_tokens: 1, output_tokens: 1 },
      reason: "asked",
    };
    expect(begun().advance(turn([text("Hello")], { status: "cancelled", outcome }))).toEqual([{ type: "diverged" }]);
  });
});

describe("a turn that waits for a person", () => {
  const asked = { ...call, approval: { summary: "Delete it?" } };

  test("says so once for each call", () => {
    const steps = createTurnSteps({ takesBack: "any" });
    const waiting = turn([asked], { status: "waiting" });
    expect(typesOf(steps.advance(waiting))).toEqual(["started", "called", "asked", "waiting"]);
    expect(steps.advance(waiting)).toEqual([]);
  });

  test("goes on for a client that comes back with the decision, without what it has", () => {
    const decided = { ...done, approval: { summary: "Delete it?", approved: true } };
    const now = [text("I delete it."), decided];
    const steps = createTurnSteps({ takesBack: "any", has: partsUntilDecision(now, new Set([call.call_id])) });
    expect(steps.advance(turn([text("I delete it."), asked], { status: "waiting" }))).toEqual([{ type: "started" }]);
    expect(typesOf(steps.advance(turn([...now, text("Done.")])))).toEqual([
      "decided",
      "returned",
      "step",
      "opened",
      "added",
    ]);
  });
});
