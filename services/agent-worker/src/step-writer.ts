import { ChatError, appended, jsonTextBytes, limits } from "@parley/protocol";
import type { Chain } from "./chain.ts";
import { maxTextBytes, tooLargeSentence } from "./outcome-size.ts";
import type { TurnFold } from "./turn-fold.ts";

function tooLong(bytes: number): ChatError {
  return bytes > limits.responseBytes
    ? new ChatError("MODEL_TRUNCATED", { message: "The answer is longer than this service allows." })
    : new ChatError("PROCESSING_ERROR", { message: tooLargeSentence });
}

/** `kept`: it is all there is, should nothing else come. `worthless`: blank, or reasoning. */
type Staleness = "no" | "kept" | "worthless";

function staleness(text: string): Staleness {
  if (text === "") return "no";
  return text.trim() === "" ? "worthless" : "kept";
}

export type StepWriter = ReturnType<typeof createStepWriter>;

/**
 * Writes the text of one step: set apart from the step before it, and within the limit of an answer. Text that viewers have of an earlier attempt at
 * the step (by this worker or a lost one) is `stale`: it stays until there is something in its place, for what is stored at the end is what they have.
 */
export function createStepWriter(chain: Chain, fold: TurnFold, maxEventBytes: () => number) {
  const needsBreak = fold.committedText !== "" && !fold.committedText.endsWith("\n");
  const committedBytes = jsonTextBytes(fold.committedText);
  let written = "";
  let bytes = committedBytes;
  let stale = staleness(fold.text.slice(fold.committedText.length));

  const drop = (why: Staleness): void => {
    if (written !== "") stale = why;
    written = "";
    bytes = committedBytes;
  };
  /** Something of this attempt is to be shown, or committed: viewers drop what they have of the others. */
  const settle = (): void => {
    if (stale === "no") return;
    stale = "no";
    chain.dropQueuedText();
    chain.push({ type: "turn_restarted", text: fold.committedText });
  };

  return {
    text(token: string): void {
      if (token === "") return;
      const text = written === "" && needsBreak ? `\n\n${token}` : token;
      bytes += jsonTextBytes(text);
      if (bytes > maxTextBytes(maxEventBytes())) throw tooLong(bytes);
      settle();
      written = appended(written, text);
      chain.text(text);
    },
    /** The model broke off and begins the step again. */
    restart: (): void => drop(staleness(written)),
    /** What it has said was reasoning. */
    retract: (): void => drop("worthless"),
    settle,
    written: (): string => written,
    /** Viewers have text of an attempt that broke off, and none of this one. */
    hasStaleText: (): boolean => stale === "kept",
  };
}
