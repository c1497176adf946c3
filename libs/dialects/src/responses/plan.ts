import type { CallId, ClientCall, Outcome, SourcePart, ToolCallPart } from "@parley/protocol";
import type { GrowingKind } from "../turn/turn-step.ts";

/** What a response is to consist of, by the parts of its turn. */

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
  /** `isKnown`: it runs without anybody's agreement. Before that it may still turn out to be a request. */
  | { readonly kind: "call"; readonly call: ToolCallPart; readonly isKnown: boolean; readonly isWhole: boolean }
  /** People have to agree to the call: that is all of it in this response. */
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

/** How the turn stands. */
export interface Standing {
  readonly waitedFor: ReadonlySet<CallId>;
  /** Calls that have said how far they are. */
  readonly running: ReadonlySet<CallId>;
  /** Of a turn that is over. */
  readonly outcome: Outcome | undefined;
}

export interface Segment {
  readonly parts: KnownPart[];
  /** Calls of one step of the model about which people are asked: it ends the segment. */
  readonly asked: ToolCallPart[];
}

function stepOf({ call_id }: ToolCallPart): string {
  return /-(\d+)-\d+$/.exec(call_id)?.[1] ?? "";
}

/** A segment has all calls of the step in which people are asked; sources that come behind them are of the next one. */
export function segmentsOf(parts: readonly KnownPart[]): Segment[] {
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

/** How many pieces the turn has. The last one has nothing yet where people are asked and nothing else of that step is to come. */
export function countOfSegments(segments: readonly Segment[], standing: Standing): number {
  const asked = segments.at(-1)?.asked ?? [];
  return segments.length + (asked.length > 0 && hasAsked(asked, standing) ? 1 : 0);
}

/** Whether the turn waits for people's words on these calls, or has: those of its step are all known then. */
function hasAsked(asked: readonly ToolCallPart[], { waitedFor, outcome }: Standing): boolean {
  return outcome !== undefined || asked.some(({ call_id }) => waitedFor.has(call_id));
}

export function planOf(segments: readonly Segment[], segment: number, standing: Standing): Plan {
  const { outcome } = standing;
  const isOver = outcome !== undefined;
  const { parts = [], asked = [] } = segments[segment] ?? {};
  const items = [...resultsOf(segments[segment - 1], isOver), ...itemsOf(parts, standing)];
  if (asked.length > 0) {
    const isLeft = segment < segments.length - 1;
    const isAll = hasAsked(asked, standing) && items.every(({ isWhole }) => isWhole);
    return { items, end: isLeft || isAll ? "asked" : undefined };
  }
  return isOver ? { items: [...items, ...functionsOf(outcome)], end: "over" } : { items, end: undefined };
}

/** What became of the calls about which people were asked in the segment before. */
function resultsOf(before: Segment | undefined, isOver: boolean): PlannedItem[] {
  return (before?.asked ?? []).map((call) => ({ kind: "result", call, isWhole: call.status !== undefined || isOver }));
}

function functionsOf(outcome: Outcome): PlannedItem[] {
  const calls = outcome.type === "complete" ? (outcome.metadata.client_calls ?? []) : [];
  return calls.map((call) => ({ kind: "function", call, isWhole: true }));
}

/** Sources are of the message that they stand before. */
function itemsOf(parts: readonly KnownPart[], standing: Standing): PlannedItem[] {
  const items: PlannedItem[] = [];
  let sources: SourcePart[] = [];
  for (const part of parts) {
    if (part.kind === "source") sources.push(part.source);
    else if (part.kind === "call") items.push(itemOfCall(part.call, standing));
    else {
      const isWhole = part.isClosed || standing.outcome !== undefined;
      const { text } = part;
      items.push(
        part.kind === "text" ? { kind: "message", text, sources, isWhole } : { kind: "reasoning", text, isWhole },
      );
      if (part.kind === "text") sources = [];
    }
  }
  return items;
}

function itemOfCall(call: ToolCallPart, { running, outcome }: Standing): PlannedItem {
  if (isAsked(call)) return { kind: "request", call, isWhole: true };
  const isWhole = call.status !== undefined || outcome !== undefined;
  return { kind: "call", call, isKnown: isWhole || running.has(call.call_id), isWhole };
}
