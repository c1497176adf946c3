import type { ConversationFrame } from "@parley/client";
import { isTerminal, turn, type ConversationView, type EventFrame } from "@parley/protocol/fold";

/** A step on the way to an answer, for people to see while it runs. Nothing of it is stored. */
export type ProgressStep = Pick<
  Extract<EventFrame, { type: "progress" }>,
  "step" | "message" | "agent" | "confidence" | "method" | "sources" | "ts"
>;

export type Progress = ReadonlyMap<string, readonly ProgressStep[]>;

export const noProgress: Progress = new Map();
export const noSteps: readonly ProgressStep[] = [];

/** Older ones are forgotten: an agent may take any number of steps. */
const stepsKept = 20;

/** The steps of all open turns after one more frame; the same object if it says nothing of them. */
export function progressAfter(progress: Progress, frame: ConversationFrame): Progress {
  if (!("turn_id" in frame) || frame.turn_id === undefined) return progress;
  if (frame.type === "progress") {
    const steps = withStep(progress.get(frame.turn_id) ?? noSteps, stepOf(frame));
    return new Map(progress).set(frame.turn_id, steps);
  }
  if (!progress.has(frame.turn_id) || !(isTerminal(frame.type) || frame.type === "turn_restarted")) return progress;
  const others = new Map(progress);
  others.delete(frame.turn_id);
  return others;
}

/** Without those of turns that have ended, or are gone, as a snapshot or a deletion may say. */
export function progressOfOpen(progress: Progress, view: ConversationView): Progress {
  const open = [...progress].filter(([turnId]) => turn(view, turnId)?.outcome === undefined && turn(view, turnId));
  return open.length === progress.size ? progress : new Map(open);
}

function stepOf(frame: Extract<EventFrame, { type: "progress" }>): ProgressStep {
  const { type: _, conversation_id: __, turn_id: ___, attempt: ____, n: _____, seq: ______, ...step } = frame;
  return step;
}

/** A step that comes again says what it has found: it stands for the one before. */
function withStep(steps: readonly ProgressStep[], step: ProgressStep): readonly ProgressStep[] {
  const others = steps.at(-1)?.step === step.step ? steps.slice(0, -1) : steps;
  return [...others, step].slice(-stepsKept);
}
