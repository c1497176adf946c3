import {
  filesOf,
  isFile,
  isToolCall,
  pendingCallsOf,
  type Part,
  type Parts,
  type ReadEvent,
  type ToolCallPart,
  type TurnView,
} from "@parley/protocol";
import { createSentParts } from "./sent-parts.ts";
import type { NotedEvent, TurnStep, TurnStepsOptions } from "./turn-step.ts";

export type TurnSteps = ReturnType<typeof createTurnSteps>;

/** Makes steps of what a viewer of one turn has: each view, whether it came by an event, a snapshot or a record, says what changed since the one before. */
export function createTurnSteps(options: TurnStepsOptions) {
  const { takesBack, has = [] } = options;
  const client = createSentParts(options);
  let state: "new" | "going" | "over" = "new";
  /** Calls of which the client knows that they wait for people. */
  const waitedFor = new Set(pendingCallsOf(has).map(({ call_id }) => call_id));

  const toldBefore: TurnStep[] = [];
  client.reconcile(has, toldBefore);
  client.closeLast(toldBefore);

  const last = (steps: readonly TurnStep[], step: TurnStep): TurnStep[] => {
    state = "over";
    return [...steps, step];
  };
  const isNewWait = (calls: readonly ToolCallPart[]): boolean => {
    const isNew = calls.some(({ call_id }) => !waitedFor.has(call_id));
    for (const { call_id } of calls) waitedFor.add(call_id);
    return isNew;
  };

  return {
    /** Whether the last step was said. */
    get isOver(): boolean {
      return state === "over";
    },

    /** What is new in the view. `event`: the one that made it of the view before; absent: it came by another way. */
    advance(view: TurnView, event?: ReadEvent): TurnStep[] {
      if (state === "over") return [];
      const steps: TurnStep[] = state === "new" ? [{ type: "started" }] : [];
      state = "going";
      const { parts, outcome } = view;
      if (!client.reconcile(parts, steps, event)) return last(steps, { type: "diverged" });
      nameFiles(steps, parts);
      if (event !== undefined && isNoted(event)) steps.push({ type: "noted", event });
      if (outcome !== undefined) {
        // It has not repeated all that was sent, and never will.
        if (takesBack === "never" && client.isMoreThan(parts)) return last(steps, { type: "diverged" });
        client.closeLast(steps);
        return last(steps, { type: "ended", outcome, parts });
      }
      const calls = view.status === "waiting" ? pendingCallsOf(parts) : [];
      if (isNewWait(calls)) {
        client.closeLast(steps);
        steps.push({ type: "waiting", calls });
      }
      return steps;
    },
  };
}

/** Files of a call stand behind it. */
function nameFiles(steps: TurnStep[], parts: Parts): void {
  if (!parts.some(isFile)) return;
  for (const [at, step] of steps.entries()) {
    if (step.type !== "returned") continue;
    const call = parts.findIndex((part) => isToolCall(part) && part.call_id === step.call.call_id);
    const behind = parts.slice(call + 1);
    const end = behind.findIndex((part) => !isFile(part));
    const files = filesOf(end < 0 ? behind : behind.slice(0, end));
    if (files.length > 0) steps[at] = { ...step, files };
  }
}

function isNoted(event: ReadEvent): event is NotedEvent {
  return event.type === "thinking" || event.type === "progress" || event.type === "tool_call_progress";
}

/**
 * What a client has of a turn that waited for people's words on these calls, when it comes back with them: all parts up to the last of the calls, and these as
 * they were before anybody decided.
 */
export function partsUntilDecision(parts: Parts, callIds: ReadonlySet<string>): Parts {
  const isOne = (part: Part): part is ToolCallPart => isToolCall(part) && callIds.has(part.call_id);
  const until = parts.findLastIndex(isOne);
  return parts.slice(0, until + 1).map((part) => (isOne(part) ? undecided(part) : part));
}

function undecided(part: ToolCallPart): ToolCallPart {
  const { type, call_id, tool_name, arguments: args, arguments_bytes, arguments_id, approval } = part;
  if (approval === undefined) return part;
  const { approved: _approved, by: _by, reason: _reason, ...asked } = approval;
  return { type, call_id, tool_name, arguments: args, arguments_bytes, arguments_id, approval: asked };
}
