import {
  isReasoning,
  isSource,
  isText,
  isToolCall,
  type Part,
  type Parts,
  type ReadEvent,
  type ToolCallPart,
} from "@parley/protocol";
import type { GrowingKind, TurnStep, TurnStepsOptions } from "./turn-step.ts";

interface Sent {
  readonly at: number;
  part: Shown;
  isClosed: boolean;
}

/** Kinds of parts that protocols of others have words for. */
type Shown = Extract<Part, { type: "text" | "reasoning" | "tool_call" | "source" }>;
type Growing = Extract<Shown, { type: GrowingKind }>;

/** What a client was sent of one answer. */
interface SentParts {
  readonly takesBack: TurnStepsOptions["takesBack"];
  readonly without: NonNullable<TurnStepsOptions["without"]>;
  readonly sent: Sent[];
  /** The number of the next part. */
  next: number;
  /** Where in `sent` the open step of the model begins. */
  stepStart: number;
  /** The answer as it was last. */
  before: Parts | undefined;
}

export function createSentParts({ takesBack, without = new Set() }: TurnStepsOptions) {
  const parts: SentParts = { takesBack, without, sent: [], next: 0, stepStart: 0, before: undefined };
  return {
    /** Makes what was sent the same as these parts, with the steps that say so. `event`: what made them of those before. False: that cannot be said. */
    reconcile(now: Parts, steps: TurnStep[], event?: ReadEvent): boolean {
      const { before } = parts;
      parts.before = now;
      if (event !== undefined && before !== undefined && extend(parts, { before, now, event }, steps)) return true;
      return reconcile(parts, shownIn(parts, now), steps);
    },

    /** Nothing is added to the last text any more. */
    closeLast: (steps: TurnStep[]): void => closeLast(parts, steps),

    /** Whether the client has more than these parts. */
    isMoreThan: (now: Parts): boolean => lengthOf(parts.sent) > shownLength(shownIn(parts, now)),
  };
}

function shownIn({ without }: SentParts, parts: Parts): Shown[] {
  return parts.filter(isShown).filter(({ type }) => type === "text" || !without.has(type));
}

function isShown(part: Part): part is Shown {
  return isText(part) || isReasoning(part) || isToolCall(part) || isSource(part);
}

function isGrowing(part: Part): part is Growing {
  return isText(part) || isReasoning(part);
}

function reconcile(parts: SentParts, shown: readonly Shown[], steps: TurnStep[]): boolean {
  const { sent, takesBack } = parts;
  if (takesBack === "never" && isBehind(sent, shown)) return true;
  for (let index = 0; index < Math.max(shown.length, sent.length); index++) {
    const part = shown[index];
    const place = sent[index];
    if (part !== undefined && place === undefined) add(parts, part, steps);
    else if (part === undefined || place === undefined || !become(place, part, steps)) {
      // Behind the place to which was taken back, what stays is said anew.
      return takeBack(parts, index, steps) && reconcile(parts, shown, steps);
    }
  }
  return true;
}

interface Grown {
  readonly before: Parts;
  readonly now: Parts;
  readonly event: ReadEvent;
}

/**
 * Whether this was a token more of the part that was sent last. Then only the token is looked at: to compare a text with what was sent, the engine puts it together
 * in one piece first, which for each token and client would be the whole answer once more.
 */
function extend({ sent }: SentParts, { before, now, event }: Grown, steps: TurnStep[]): boolean {
  if (event.type !== "token" && event.type !== "reasoning") return false;
  const place = sent.at(-1);
  const part = now.at(-1);
  if (place === undefined || part === undefined || place.isClosed || place.part !== before.at(-1)) return false;
  if (!isMore(part, place.part, event.token.length) || !isSameButLast(before, now)) return false;
  if (event.token !== "") steps.push({ type: "added", at: place.at, kind: part.type, text: event.token });
  place.part = part;
  return true;
}

function isMore(part: Part, before: Shown, length: number): part is Growing {
  if (!isGrowing(part) || !isGrowing(before) || part.type !== before.type) return false;
  return part.text.length === before.text.length + length;
}

function isSameButLast(before: Parts, now: Parts): boolean {
  return now.length === before.length && now.every((one, at) => at === now.length - 1 || one === before[at]);
}

function closeLast({ sent }: SentParts, steps: TurnStep[]): void {
  const last = sent.at(-1);
  if (last === undefined || last.isClosed) return;
  last.isClosed = true;
  if (isGrowing(last.part)) steps.push({ type: "closed", at: last.at, kind: last.part.type, text: last.part.text });
}

function add(parts: SentParts, part: Shown, steps: TurnStep[]): void {
  closeLast(parts, steps);
  if (part.type !== "source" && beginsStep(parts)) {
    parts.stepStart = parts.sent.length;
    steps.push({ type: "step" });
  }
  const at = parts.next++;
  parts.sent.push({ at, part, isClosed: !isGrowing(part) });
  steps.push(...stepsOfNew(at, part));
}

/** False: what was sent there is something else. */
function become(place: Sent, part: Shown, steps: TurnStep[]): boolean {
  if (place.part === part) return true;
  const more = moreOf(place, part);
  if (more === undefined) return false;
  steps.push(...more);
  place.part = part;
  return true;
}

function moreOf({ at, part: before, isClosed }: Sent, part: Shown): TurnStep[] | undefined {
  if (isGrowing(part)) return isGrowing(before) ? addedTo(before, part, { at, isClosed }) : undefined;
  if (isToolCall(part)) {
    if (!isToolCall(before) || before.call_id !== part.call_id) return undefined;
    const isUndone = before.status !== undefined && part.status === undefined;
    return isUndone ? undefined : stepsOfCall(at, before, part);
  }
  return isSource(before) && before.title === part.title && before.file === part.file ? [] : undefined;
}

function addedTo(before: Growing, part: Growing, { at, isClosed }: Omit<Sent, "part">): TurnStep[] | undefined {
  if (before.type !== part.type || !part.text.startsWith(before.text)) return undefined;
  const text = part.text.slice(before.text.length);
  if (text === "") return [];
  return isClosed ? undefined : [{ type: "added", at, kind: part.type, text }];
}

/** False: the client cannot take back what it has from this place on. */
function takeBack(parts: SentParts, first: number, steps: TurnStep[]): boolean {
  const { takesBack, sent, stepStart } = parts;
  const index = takesBack === "step" ? stepStart : first;
  const from = sent[index];
  if (takesBack === "never" || first < index || from === undefined) return false;
  sent.length = index;
  parts.stepStart = Math.min(stepStart, index);
  steps.push({ type: "restarted", from: from.at });
  return true;
}

/** Calls are told when their step is committed, and the model goes on when all of them have ended. */
function beginsStep({ sent, stepStart }: SentParts): boolean {
  const last = sent.findLast(({ part }) => part.type !== "source");
  if (last === undefined || !isToolCall(last.part)) return false;
  return sent.slice(stepStart).every(({ part }) => !isToolCall(part) || part.status !== undefined);
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
  if (shown.length > sent.length || lengthOf(sent) <= shownLength(shown)) return false;
  return shown.every((part, index) => {
    const place = sent[index];
    return place !== undefined && repeats(place.part, part, index === shown.length - 1);
  });
}

function repeats(before: Shown, part: Shown, isLast: boolean): boolean {
  if (isGrowing(part)) {
    if (!isGrowing(before) || before.type !== part.type) return false;
    return isLast ? before.text.startsWith(part.text) : before.text === part.text;
  }
  if (isToolCall(part)) return isToolCall(before) && before.call_id === part.call_id && before.status === part.status;
  return isSource(before) && before.title === part.title;
}

function lengthOf(sent: readonly Sent[]): number {
  return shownLength(sent.map(({ part }) => part));
}

/** Of text its characters; of what has none, one: so that more is more. */
function shownLength(shown: readonly Shown[]): number {
  return shown.reduce((sum, part) => sum + (isGrowing(part) ? part.text.length : 1), 0);
}
