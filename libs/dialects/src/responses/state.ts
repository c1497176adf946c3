import type { CallId, Outcome, ToolCallPart } from "@parley/protocol";
import type { NotedEvent, TurnStep } from "../turn/turn-step.ts";
import { countOfSegments, planOf, segmentsOf, type KnownPart, type Plan } from "./plan.ts";

type GrowingStep = Extract<TurnStep, { type: "opened" | "added" | "closed" }>;

/** The parts of one turn, kept by its steps. */
export function createTurnParts() {
  let parts: KnownPart[] = [];
  const waitedFor = new Set<CallId>();
  const running = new Set<CallId>();
  let outcome: Outcome | undefined;
  const partAt = (at: number): KnownPart | undefined => parts.findLast((part) => part.at === at);

  const takeGrowing = (step: GrowingStep): void => {
    if (step.type === "opened") {
      parts.push({ kind: step.kind, at: step.at, text: "", isClosed: false });
      return;
    }
    const part = partAt(step.at);
    if (part === undefined || part.kind === "call" || part.kind === "source") return;
    if (step.type === "added") part.text += step.text;
    else part.isClosed = true;
  };
  const takeCall = (at: number, call: ToolCallPart): void => {
    const part = partAt(at);
    if (part?.kind === "call") part.call = call;
    else parts.push({ kind: "call", at, call });
  };

  const noteRunning = (event: NotedEvent): void => {
    if (event.type === "tool_call_progress") running.add(event.call_id);
  };

  return {
    take(step: TurnStep): void {
      if ("kind" in step) takeGrowing(step);
      else if ("call" in step) takeCall(step.at, step.call);
      else if (step.type === "found") parts.push({ kind: "source", at: step.at, source: step.source });
      else if (step.type === "restarted") parts = parts.filter(({ at }) => at < step.from);
      else if (step.type === "noted") noteRunning(step.event);
      else if (step.type === "ended") ({ outcome } = step);
      else if (step.type === "waiting") for (const { call_id } of step.calls) waitedFor.add(call_id);
    },

    /** Steps that begin where these parts are all there is number them from 0 on, whatever was taken back before. */
    renumber(): void {
      for (const [at, part] of parts.entries()) parts[at] = { ...part, at };
    },

    /** What the piece `segment` of the turn is to say. */
    plan: (segment: number): Plan => planOf(segmentsOf(parts), segment, { waitedFor, running, outcome }),
    /** The calls about which people are asked at the end of the piece. */
    asked: (segment: number): CallId[] => (segmentsOf(parts)[segment]?.asked ?? []).map(({ call_id }) => call_id),
    segments: (): number => countOfSegments(segmentsOf(parts), { waitedFor, running, outcome }),
  };
}
