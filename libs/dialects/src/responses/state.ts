import type { CallId, ClientCall, Outcome, SourcePart, ToolCallPart } from "@parley/protocol";
import type { GrowingKind, TurnStep } from "../turn/turn-step.ts";

/** What a response consists of, as far as the steps of its turn have told. */

/** A part of the answer. `isClosed`: its text is whole. */
export type KnownPart =
  | { readonly kind: GrowingKind; readonly at: number; text: string; isClosed: boolean }
  | { readonly kind: "call"; readonly at: number; call: ToolCallPart }
  | { readonly kind: "source"; readonly at: number; readonly source: SourcePart };

/** What an item of a response is to say. `isWhole`: nothing will be added to it. */
export type PlannedItem =
  | {
      readonly kind: "message";
      readonly text: string;
      readonly sources: readonly SourcePart[];
      readonly isWhole: boolean;
    }
  | { readonly kind: "reasoning"; readonly text: string; readonly isWhole: boolean }
  /** `isAsked`: it waits for people, and is no more than asked for in this response. */
  | { readonly kind: "call"; readonly call: ToolCallPart; readonly isAsked: boolean; readonly isWhole: boolean }
  | { readonly kind: "request"; readonly call: ToolCallPart; readonly isWhole: true }
  /** A call of the response before, after people had their say. */
  | { readonly kind: "result"; readonly call: ToolCallPart; readonly isWhole: boolean }
  /** The answer ends in a call of the client's own tool. */
  | { readonly kind: "function"; readonly call: ClientCall; readonly isWhole: true };

export interface Plan {
  readonly items: readonly PlannedItem[];
  /** `asked`: the response ends with what people are asked. `over`: the turn has ended in it. */
  readonly end: "asked" | "over" | undefined;
}

export type TurnParts = ReturnType<typeof createTurnParts>;

/** The parts of one turn, kept by its steps. */
export function createTurnParts() {
  let parts: KnownPart[] = [];
  const waitedFor = new Set<CallId>();
  let outcome: Outcome | undefined;
  const last = (at: number): KnownPart | undefined => parts.findLast((part) => part.at === at);

  const takeGrowing = (step: Extract<TurnStep, { type: "opened" | "added" | "closed" }>): void => {
    if (step.type === "opened") {
      parts.push({ kind: step.kind, at: step.at, text: "", isClosed: false });
      return;
    }
    const part = last(step.at);
    if (part === undefined || part.kind === "call" || part.kind === "source") return;
    if (step.type === "added") part.text += step.text;
    else part.isClosed = true;
  };
  const takeCall = (at: number, call: ToolCallPart): void => {
    const part = last(at);
    if (part?.kind === "call") part.call = call;
    else parts.push({ kind: "call", at, call });
  };

  return {
    /** True: something was taken back. */
    take(step: TurnStep): boolean {
      switch (step.type) {
        case "opened":
        case "added":
        case "closed":
          takeGrowing(step);
          break;
        case "called":
        case "asked":
        case "decided":
        case "returned":
          takeCall(step.at, step.call);
          break;
        case "found":
          parts.push({ kind: "source", at: step.at, source: step.source });
          break;
        case "waiting":
          for (const { call_id } of step.calls) waitedFor.add(call_id);
          break;
        case "ended":
          ({ outcome } = step);
          break;
        case "restarted":
          parts = parts.filter(({ at }) => at < step.from);
          return true;
        default:
          break;
      }
      return false;
    },

    /** What the piece `segment` of the turn is to say. */
    plan: (segment: number): Plan => planOf(segmentsOf(parts), segment, { waitedFor, outcome }),
    /** How many pieces there are. The last one may be empty. */
    segments: (): number => segmentsOf(parts).length + (isEndOfSegment(parts, { waitedFor, outcome }) ? 1 : 0),
  };
}

interface Standing {
  readonly waitedFor: ReadonlySet<CallId>;
  /** Of a turn that is over. */
  readonly outcome: Outcome | undefined;
}

interface Segment {
  readonly parts: KnownPart[];
  /** Calls of one step of the model about which people are asked: it ends the segment. */
  readonly asked: ToolCallPart[];
}

function stepOf({ call_id }: ToolCallPart): string {
  return /-(\d+)-\d+$/.exec(call_id)?.[1] ?? "";
}

/** A segment has all calls of the step in which people are asked; sources that come behind them are of the next one. */
function segmentsOf(parts: readonly KnownPart[]): Segment[] {
  const segments: Segment[] = [{ parts: [], asked: [] }];
  for (const part of parts) {
    const current = segments.at(-1);
    if (current === undefined) break;
    const [first] = current.asked;
    const isInStep = part.kind === "call" && first !== undefined && stepOf(part.call) === stepOf(first);
    if (first === undefined || isInStep) {
      current.parts.push(part);
      if (part.kind === "call" && part.call.approval !== undefined) current.asked.push(part.call);
    } else segments.push({ parts: [part], asked: part.kind === "call" && isAsked(part.call) ? [part.call] : [] });
  }
  return segments;
}

function isAsked({ approval }: ToolCallPart): boolean {
  return approval !== undefined;
}

/** Whether people are asked in the last segment, and nothing else of its step is to come. */
function isEndOfSegment(parts: readonly KnownPart[], { waitedFor, outcome }: Standing): boolean {
  const asked = segmentsOf(parts).at(-1)?.asked ?? [];
  return asked.length > 0 && (outcome !== undefined || asked.some(({ call_id }) => waitedFor.has(call_id)));
}

function planOf(segments: readonly Segment[], segment: number, { waitedFor, outcome }: Standing): Plan {
  const isOver = outcome !== undefined;
  const before = segments[segment - 1]?.asked ?? [];
  const own = segments[segment];
  const results = before.map((call): PlannedItem => ({
    kind: "result",
    call,
    isWhole: call.status !== undefined || isOver,
  }));
  const items = [...results, ...itemsOf(own?.parts ?? [], isOver)];
  const isLast = segment >= segments.length - 1;
  const asked = own?.asked ?? [];
  if (asked.length > 0) {
    const waits = asked.some(({ call_id }) => waitedFor.has(call_id)) && items.every(({ isWhole }) => isWhole);
    return { items, end: !isLast || waits || isOver ? "asked" : undefined };
  }
  return isOver ? { items: [...items, ...functionsOf(outcome)], end: "over" } : { items, end: undefined };
}

function functionsOf(outcome: Outcome): PlannedItem[] {
  const calls = outcome.type === "complete" ? (outcome.metadata.client_calls ?? []) : [];
  return calls.map((call) => ({ kind: "function", call, isWhole: true }));
}

/** Sources are of the message that they stand before. */
function itemsOf(parts: readonly KnownPart[], isOver: boolean): PlannedItem[] {
  const items: PlannedItem[] = [];
  let sources: SourcePart[] = [];
  for (const part of parts) {
    if (part.kind === "source") sources.push(part.source);
    else if (part.kind === "call") items.push(...itemsOfCall(part.call, isOver));
    else {
      const isWhole = part.isClosed || isOver;
      const { text } = part;
      items.push(
        part.kind === "text" ? { kind: "message", text, sources, isWhole } : { kind: "reasoning", text, isWhole },
      );
      if (part.kind === "text") sources = [];
    }
  }
  return items;
}

function itemsOfCall(call: ToolCallPart, isOver: boolean): PlannedItem[] {
  if (!isAsked(call)) return [{ kind: "call", call, isAsked: false, isWhole: call.status !== undefined || isOver }];
  return [
    { kind: "call", call, isAsked: true, isWhole: true },
    { kind: "request", call, isWhole: true },
  ];
}
