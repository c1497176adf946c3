import type { ReadEvent } from "@parley/protocol";

/** Calls of a model that no committed step has: they were paid for, also those whose worker was lost. */
export interface UncommittedCalls {
  calls: number;
  /** Of text and reasoning that they have written. */
  chars: number;
}

/** What the chain says of them, so that whoever takes over can count them too. */
export function foldCalls(uncommitted: UncommittedCalls, event: ReadEvent): void {
  switch (event.type) {
    case "progress":
      if (event.step === "generating" || event.step === "model") uncommitted.calls++;
      return;
    case "token":
    case "reasoning":
      uncommitted.chars += event.token.length;
      return;
    case "step":
      uncommitted.calls = 0;
      uncommitted.chars = 0;
      return;
    default:
  }
}
