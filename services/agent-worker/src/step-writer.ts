import { ChatError, appended, cutJsonText, jsonTextBytes, limits } from "@parley/protocol";
import type { Agent } from "./agents/agent.ts";
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

const reasoningNote = "\n[the rest of the reasoning is not kept]";

/** Reasoning up to the limit of a turn, and that there was more. What is held back is told with the text behind it, or never. */
function createReasoning(chain: Chain, fold: TurnFold, mode: Agent["reasoning"]) {
  const maxBytes = limits.turnReasoningBytes - jsonTextBytes(reasoningNote);
  let bytes = fold.reasoningBytes;
  let held = "";
  let isTold = false;

  const tell = (token: string): void => {
    if (token === "" || mode === "dropped" || bytes > maxBytes) return;
    const roomBytes = maxBytes - bytes;
    bytes += jsonTextBytes(token);
    chain.reasoning(bytes <= maxBytes ? token : `${cutJsonText(token, roomBytes)}${reasoningNote}`, mode === "shown");
    isTold = true;
  };
  return {
    tell,
    hold(token: string): void {
      if (held.length < limits.turnReasoningBytes) held += token;
    },
    tellHeld(): void {
      tell(held);
      held = "";
    },
    isTold: (): boolean => isTold,
    /** The step begins again. */
    restart(): void {
      held = "";
      isTold = false;
    },
  };
}

export interface StepWriterOptions {
  readonly maxEventBytes: () => number;
  readonly reasoning: Agent["reasoning"];
}

/** Of what an earlier attempt at the step left. */
function stalenessOf({ text, committedText, reasoned }: TurnFold): Staleness {
  const left = staleness(text.slice(committedText.length));
  return left === "no" && reasoned ? "worthless" : left;
}

export type StepWriter = ReturnType<typeof createStepWriter>;

/**
 * Writes the text of one step: set apart from the step before it, and within the limit of an answer. Text that viewers have of an earlier attempt at
 * the step (by this worker or a lost one) is `stale`: it stays until there is something in its place, for what is stored at the end is what they have.
 * Reasoning takes the place of no text: it is held back until there is text behind it.
 */
export function createStepWriter(chain: Chain, fold: TurnFold, { maxEventBytes, reasoning: mode }: StepWriterOptions) {
  const reasoning = createReasoning(chain, fold, mode);
  const needsBreak = fold.committedText !== "" && !fold.committedText.endsWith("\n");
  const committedBytes = jsonTextBytes(fold.committedText);
  let written = "";
  let bytes = committedBytes;
  let stale = stalenessOf(fold);

  const drop = (why: Staleness): void => {
    const isWorthless = reasoning.isTold() && stale === "no";
    stale = written !== "" ? why : isWorthless ? "worthless" : stale;
    written = "";
    reasoning.restart();
    bytes = committedBytes;
  };
  /** Something of this attempt is to be shown, or committed: viewers drop what they have of the others. */
  const settle = (): void => {
    if (stale === "no") return;
    stale = "no";
    chain.dropQueuedText();
    chain.push({ type: "turn_restarted", text: fold.committedText });
    reasoning.tellHeld();
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
    /** The model thinks. */
    reasoning(token: string): void {
      if (stale === "kept") return reasoning.hold(token);
      settle();
      reasoning.tell(token);
    },
    /** The model broke off and begins the step again. */
    restart: (): void => drop(staleness(written)),
    /** What it has said was reasoning. */
    retract(): void {
      const thought = written;
      drop("worthless");
      reasoning.hold(thought);
    },
    settle,
    written: (): string => written,
    /** Viewers have text of an attempt that broke off, and none of this one. */
    hasStaleText: (): boolean => stale === "kept",
  };
}
