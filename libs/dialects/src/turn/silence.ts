import type { Outcome } from "@parley/protocol";

/** Why an answer has no text, where that is because a person answers in place of the agent; undefined: that is not so. */
export function silenceText(outcome: Outcome): string | undefined {
  if (outcome.type !== "complete" || outcome.response !== "") return undefined;
  const { handover } = outcome.metadata;
  if (handover === "waiting") return "The agent is silent: a person was asked to answer here, and will read this.";
  return handover === "taken" ? "The agent is silent: a person answers here, and will read this." : undefined;
}
