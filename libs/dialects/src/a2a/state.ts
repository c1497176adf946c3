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
import type { TurnStep } from "../turn/steps.ts";

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
  const { parts } = state;
  const replace = (at: number, part: Part): void => {
    const place = parts.findLast((one) => one.at === at);
    if (place !== undefined) place.part = part;
  };
  switch (step.type) {
    case "opened":
      parts.push({ at: step.at, part: { type: step.kind, text: "" } });
      break;
    case "added": {
      const last = parts.findLast(({ at }) => at === step.at);
      if (last !== undefined && (isText(last.part) || isReasoning(last.part)))
        last.part = { ...last.part, text: last.part.text + step.text };
      break;
    }
    case "called":
      parts.push({ at: step.at, part: step.call });
      break;
    case "decided":
      state.calls = state.calls.filter(({ call_id }) => call_id !== step.call.call_id);
      replace(step.at, step.call);
      break;
    case "asked":
    case "returned":
      replace(step.at, step.call);
      break;
    case "found":
      parts.push({ at: step.at, part: step.source });
      break;
    case "restarted":
      state.parts = parts.filter(({ at }) => at < step.from);
      break;
    case "waiting":
      state.calls = step.calls;
      break;
    case "ended":
      state.outcome = step.outcome;
      break;
    default:
      break;
  }
  if (step.type !== "started") state.isWorking = true;
}
