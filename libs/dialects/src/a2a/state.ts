import {
  isReasoning,
  isSource,
  isText,
  isToolCall,
  type Outcome,
  type Part,
  type Parts,
  type ToolCallPart,
} from "@parley/protocol";
import type { TurnStep } from "../turn/turn-step.ts";

/** What the client of one stream has been told of the answer. */
export interface TaskState {
  parts: NumberedPart[];
  calls: readonly ToolCallPart[];
  outcome: Outcome | undefined;
  isWorking: boolean;
  /** Whether there is an artifact to append to. */
  hasArtifact: boolean;
}

interface NumberedPart {
  readonly at: number;
  part: Part;
}

export function createTaskState(has: Parts = []): TaskState {
  // Numbered as the steps number them: each part that can be shown, from 0 on.
  const shown = has.filter((part) => isText(part) || isReasoning(part) || isToolCall(part) || isSource(part));
  const parts = shown.map((part, at) => ({ at, part }));
  return { parts, calls: [], outcome: undefined, isWorking: parts.length > 0, hasArtifact: false };
}

export function partsOf({ parts }: TaskState): Parts {
  return parts.map(({ part }) => part);
}

export function applyStep(state: TaskState, step: TurnStep): void {
  if (step.type !== "started") state.isWorking = true;
  if (step.type === "waiting") state.calls = step.calls;
  else if (step.type === "ended") state.outcome = step.outcome;
  else if (step.type === "restarted") state.parts = state.parts.filter(({ at }) => at < step.from);
  else applyToPart(state, step);
}

function applyToPart(state: TaskState, step: TurnStep): void {
  switch (step.type) {
    case "opened":
      state.parts.push({ at: step.at, part: { type: step.kind, text: "" } });
      break;
    case "added":
      change(state, step.at, (part) => withMore(part, step.text));
      break;
    case "called":
      state.parts.push({ at: step.at, part: step.call });
      break;
    case "found":
      state.parts.push({ at: step.at, part: step.source });
      break;
    case "decided":
      state.calls = state.calls.filter(({ call_id }) => call_id !== step.call.call_id);
      change(state, step.at, () => step.call);
      break;
    case "asked":
    case "returned":
      change(state, step.at, () => step.call);
      break;
    default:
      break;
  }
}

function change({ parts }: TaskState, at: number, made: (before: Part) => Part): void {
  const place = parts.findLast((one) => one.at === at);
  if (place !== undefined) place.part = made(place.part);
}

function withMore(part: Part, text: string): Part {
  return isText(part) || isReasoning(part) ? { ...part, text: part.text + text } : part;
}
