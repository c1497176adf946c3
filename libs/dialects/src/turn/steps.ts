import {
  isReasoning,
  isSource,
  isText,
  isToolCall,
  type Outcome,
  type Part,
  type Parts,
  type ReadEvent,
  type SourcePart,
  type ToolCallPart,
  type TurnView,
} from "@parley/protocol";

/**
 * What happens to an answer, as every protocol outside has a word for it. `at` is the number of a part: it rises from part to part and is never given
 * again, also not after a part was taken back, so ids can be made of it. The parts that are open at a time are the last one, if that is text or reasoning, and calls.
 */
export type TurnStep =
  /** First, and once. */
  | { readonly type: "started" }
  /** The model is asked anew, with the results of the calls before: what follows is of its next step. Never before the first. */
  | { readonly type: "step" }
  | { readonly type: "opened"; readonly at: number; readonly kind: GrowingKind }
  | { readonly type: "added"; readonly at: number; readonly kind: GrowingKind; readonly text: string }
  /** `text`: all of it. */
  | { readonly type: "closed"; readonly at: number; readonly kind: GrowingKind; readonly text: string }
  | { readonly type: "called"; readonly at: number; readonly call: ToolCallPart }
  /** A person has to agree to the call. */
  | { readonly type: "asked"; readonly at: number; readonly call: ToolCallPart }
  | { readonly type: "decided"; readonly at: number; readonly call: ToolCallPart }
  /** The call has ended, as its `status` says. */
  | { readonly type: "returned"; readonly at: number; readonly call: ToolCallPart }
  | { readonly type: "found"; readonly at: number; readonly source: SourcePart }
  /** Something to be shown for the moment; it is in no snapshot, so who missed it never gets it. */
  | { readonly type: "noted"; readonly event: NotedEvent }
  /** The parts from this one on are taken back; what stays of them follows anew. */
  | { readonly type: "restarted"; readonly from: number }
  /** The turn waits for people's words on these calls, and nothing follows before they decide. */
  | { readonly type: "waiting"; readonly calls: readonly ToolCallPart[] }
  /** Last. All parts are closed. */
  | { readonly type: "ended"; readonly outcome: Outcome; readonly parts: Parts }
  /** Last: what was sent is not the answer any more, and cannot be taken back. */
  | { readonly type: "diverged" };

export type GrowingKind = "text" | "reasoning";
export type NotedEvent = Extract<ReadEvent, { type: "thinking" | "progress" | "tool_call_progress" }>;

export interface TurnStepsOptions {
  /**
   * What the client can be told to take back. `any`: any part. `step`: what came since the last `step`. `never`: nothing: then an answer that begins anew is
   * compared with what was sent, goes on where it has repeated that, and has `diverged` when it says something else.
   */
  readonly takesBack: "any" | "step" | "never";
  /** Kinds of parts that the client is never told of. */
  readonly without?: ReadonlySet<"reasoning" | "tool_call" | "source">;
  /** What the client has already, from an earlier stream of the same turn: no steps are made of it. */
  readonly has?: Parts;
}

interface Sent {
  readonly at: number;
  part: Shown;
  isClosed: boolean;
}

type Shown = Extract<Part, { type: "text" | "reasoning" | "tool_call" | "source" }>;

export type TurnSteps = ReturnType<typeof createTurnSteps>;

/** Makes steps of what a viewer of one turn has: each view, whether it came by an event, a snapshot or a record, says what changed since the one before. */
export function createTurnSteps({ takesBack, without = new Set(), has }: TurnStepsOptions) {
  const sent: Sent[] = [];
  let next = 0;
  /** Where in `sent` the open step begins. */
  let stepStart = 0;
  let state: "new" | "going" | "over" = "new";
  /** Calls of which the client knows that they wait for people. */
  const waitedFor = new Set<string>();
  let shownOf: { readonly parts: Parts; readonly shown: readonly Shown[] } | undefined;

  const shownIn = (parts: Parts): readonly Shown[] => {
    if (shownOf?.parts !== parts) shownOf = { parts, shown: parts.filter(isShown) };
    return shownOf.shown;
  };
  const isShown = (part: Part): part is Shown =>
    (isText(part) || isReasoning(part) || isToolCall(part) || isSource(part)) &&
    (part.type === "text" || !without.has(part.type));

  const closeLast = (steps: TurnStep[]): void => {
    const last = sent.at(-1);
    if (last === undefined || last.isClosed) return;
    last.isClosed = true;
    if (isGrowing(last.part)) steps.push({ type: "closed", at: last.at, kind: last.part.type, text: last.part.text });
  };

  const add = (part: Shown, steps: TurnStep[]): void => {
    closeLast(steps);
    if (part.type !== "source" && beginsStep(sent, stepStart)) {
      stepStart = sent.length;
      steps.push({ type: "step" });
    }
    const at = next++;
    sent.push({ at, part, isClosed: !isGrowing(part) });
    steps.push(...stepsOfNew(at, part));
  };

  /** False: the place in `sent` says something else. */
  const grow = (place: Sent, part: Shown, steps: TurnStep[]): boolean => {
    const before = place.part;
    if (before === part) return true;
    if (isGrowing(part)) {
      if (!isGrowing(before) || before.type !== part.type || !part.text.startsWith(before.text)) return false;
      const text = part.text.slice(before.text.length);
      if (text !== "" && place.isClosed) return false;
      if (text !== "") steps.push({ type: "added", at: place.at, kind: part.type, text });
    } else if (isToolCall(part)) {
      if (!isToolCall(before) || before.call_id !== part.call_id) return false;
      if (before.status !== undefined && part.status === undefined) return false;
      steps.push(...stepsOfCall(place.at, before, part));
    } else if (before.type !== "source" || before.title !== part.title || before.file !== part.file) return false;
    place.part = part;
    return true;
  };

  const takeBack = (first: number, steps: TurnStep[]): boolean => {
    const index = takesBack === "step" ? stepStart : first;
    const from = sent[index];
    if (takesBack === "never" || first < index || from === undefined) return false;
    sent.length = index;
    stepStart = Math.min(stepStart, index);
    steps.push({ type: "restarted", from: from.at });
    return true;
  };

  /** False: it cannot be said. */
  const reconcile = (parts: Parts, steps: TurnStep[]): boolean => {
    const shown = shownIn(parts);
    if (takesBack === "never" && isBehind(sent, shown)) return true;
    for (let index = 0; index < Math.max(shown.length, sent.length); index++) {
      const part = shown[index];
      const place = sent[index];
      if (part !== undefined && place === undefined) add(part, steps);
      else if (part === undefined || place === undefined || !grow(place, part, steps)) {
        if (!takeBack(index, steps)) return false;
        // From the place to which was taken back: what stays of it is said anew.
        return reconcile(parts, steps);
      }
    }
    return true;
  };

  const diverged = (steps: TurnStep[]): TurnStep[] => {
    state = "over";
    return [...steps, { type: "diverged" }];
  };

  if (has !== undefined) {
    const unsaid: TurnStep[] = [];
    reconcile(has, unsaid);
    closeLast(unsaid);
    for (const { call_id } of has.filter(isPending)) waitedFor.add(call_id);
  }

  return {
    /** Whether the last step was said. */
    get isOver(): boolean {
      return state === "over";
    },

    /** What is new in the view. `noted`: the event that made it, if it is one of the moment. */
    advance(view: TurnView, noted?: NotedEvent): TurnStep[] {
      if (state === "over") return [];
      const steps: TurnStep[] = state === "new" ? [{ type: "started" }] : [];
      state = "going";
      if (!reconcile(view.parts, steps)) return diverged(steps);
      if (noted !== undefined) steps.push({ type: "noted", event: noted });
      if (view.outcome !== undefined) {
        // What was sent is more than the answer has in the end.
        if (takesBack === "never" && lengthOf(sent) > shownLength(shownIn(view.parts))) return diverged(steps);
        closeLast(steps);
        state = "over";
        return [...steps, { type: "ended", outcome: view.outcome, parts: view.parts }];
      }
      const calls = view.status === "waiting" ? view.parts.filter(isPending) : [];
      if (calls.some(({ call_id }) => !waitedFor.has(call_id))) {
        for (const { call_id } of calls) waitedFor.add(call_id);
        closeLast(steps);
        steps.push({ type: "waiting", calls });
      }
      return steps;
    },
  };
}

const isGrowing = (part: Part): part is Extract<Shown, { type: GrowingKind }> => isText(part) || isReasoning(part);

const isPending = (part: Part): part is ToolCallPart =>
  isToolCall(part) && part.status === undefined && part.approval !== undefined && part.approval.approved === undefined;

/** Calls are told when their step is committed, and the model goes on when all of them have ended. */
function beginsStep(sent: readonly Sent[], stepStart: number): boolean {
  const calls = sent.slice(stepStart).filter(({ part }) => isToolCall(part));
  const last = sent.findLast(({ part }) => part.type !== "source");
  return (
    last !== undefined &&
    isToolCall(last.part) &&
    calls.length > 0 &&
    calls.every(({ part }) => isToolCall(part) && part.status !== undefined)
  );
}

function stepsOfNew(at: number, part: Shown): TurnStep[] {
  if (isGrowing(part)) {
    const kind = part.type;
    const added: TurnStep[] = part.text === "" ? [] : [{ type: "added", at, kind, text: part.text }];
    return [{ type: "opened", at, kind }, ...added];
  }
  if (isSource(part)) return [{ type: "found", at, source: part }];
  return [{ type: "called", at, call: part }, ...stepsOfCall(at, undefined, part)];
}

function stepsOfCall(at: number, before: ToolCallPart | undefined, call: ToolCallPart): TurnStep[] {
  const isAsked = before?.approval === undefined && call.approval !== undefined;
  const isDecided = before?.approval?.approved === undefined && call.approval?.approved !== undefined;
  const hasEnded = before?.status === undefined && call.status !== undefined;
  return [
    ...(isAsked ? [{ type: "asked", at, call } as const] : []),
    ...(isDecided ? [{ type: "decided", at, call } as const] : []),
    ...(hasEnded ? [{ type: "returned", at, call } as const] : []),
  ];
}

/** Whether the answer, which begins anew, has not yet repeated all that was sent, and has said nothing else so far. */
function isBehind(sent: readonly Sent[], shown: readonly Shown[]): boolean {
  if (shown.length > sent.length) return false;
  const isShorter = shown.length < sent.length;
  return (
    shown.every((part, index) => {
      const place = sent[index];
      return place !== undefined && repeats(place.part, part, index === shown.length - 1);
    }) &&
    (isShorter || lengthOf(sent) > shownLength(shown))
  );
}

function repeats(before: Shown, part: Shown, isLast: boolean): boolean {
  if (isGrowing(part)) {
    if (!isGrowing(before) || before.type !== part.type) return false;
    return isLast ? before.text.startsWith(part.text) : before.text === part.text;
  }
  if (isToolCall(part)) return isToolCall(before) && before.call_id === part.call_id && before.status === part.status;
  return before.type === "source" && before.title === part.title;
}

function lengthOf(sent: readonly Sent[]): number {
  return shownLength(sent.map(({ part }) => part));
}

function shownLength(shown: readonly Shown[]): number {
  return shown.reduce((sum, part) => sum + (isGrowing(part) ? part.text.length : 1), 0);
}

/**
 * What a client has of a turn that waited for people's words on these calls, when it comes back with them: all parts up to the last of the calls, and these as
 * they were before anybody decided.
 */
export function partsUntilDecision(parts: Parts, callIds: ReadonlySet<string>): Parts {
  const isOne = (part: Part): part is ToolCallPart => isToolCall(part) && callIds.has(part.call_id);
  const last = parts.findLastIndex(isOne);
  return parts.slice(0, last + 1).map((part) => {
    if (!isOne(part) || part.approval === undefined) return part;
    const { approved: _approved, by: _by, reason: _reason, ...asked } = part.approval;
    const { call_id, tool_name, arguments: args, arguments_bytes, arguments_id } = part;
    const call = { type: part.type, call_id, tool_name, arguments: args, arguments_bytes, arguments_id };
    return { ...call, approval: asked };
  });
}
