import { EventTooLargeError, type Bus } from "@parley/bus";
import {
  envelopeBytes,
  limits,
  messageIdOf,
  type ChatError,
  type Outcome,
  type RecordFormat,
  type TurnRequest,
} from "@parley/protocol";
import { traceNames } from "@parley/runtime";
import type { Chain } from "./chain.ts";
import type { ClaimedTurn } from "./claimed-turn.ts";
import { isTransient } from "./model/model-error.ts";
import { boundOutcome, fitOutcome } from "./outcome-size.ts";
import { addUsage, finishedCalls } from "./turn-fold.ts";
import { recordsOf } from "./turn-records.ts";

type Complete = Extract<Outcome, { type: "complete" }>;

/** What all outcomes share, from what is stored: text that viewers have not seen is not part of the message. */
function shared({ request, fold }: ClaimedTurn) {
  const { name } = fold.decisions.routed ?? {};
  return {
    response: fold.text,
    message_id: messageIdOf(request.turn_id, "assistant"),
    ...(name === undefined ? {} : { author: { role: "assistant", name } }),
    tool_calls: finishedCalls(fold),
    usage: fold.usage,
  };
}

/** What a broken-off model step cost is not known exactly, where nobody has counted it: about four characters a token. */
function withPartialStep(turn: ClaimedTurn) {
  const { request, fold, spending } = turn;
  if (spending !== undefined) {
    const rest = spending.takeLast(request.message);
    return rest === undefined ? shared(turn) : { ...shared(turn), usage: addUsage(fold.usage, rest) };
  }
  const partial = fold.text.length - fold.committedText.length;
  // Where no model was asked there is nothing to estimate.
  if (partial === 0 || request.given?.call !== undefined) return shared(turn);
  const estimate = { input_tokens: Math.ceil(request.message.length / 4), output_tokens: Math.ceil(partial / 4) };
  return { ...shared(turn), usage: addUsage(fold.usage, { ...estimate, estimated: true }) };
}

export function completeOutcome(turn: ClaimedTurn, metadata: Complete["metadata"]): Outcome {
  return { type: "complete", ...shared(turn), metadata };
}

export function cancelledOutcome(turn: ClaimedTurn, reason: string): Outcome {
  return { type: "cancelled", ...withPartialStep(turn), reason };
}

export function errorOutcome(turn: ClaimedTurn, error: ChatError): Outcome {
  const { message, code, retryAfterMs } = error;
  const retryAfter = retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs };
  return {
    type: "error",
    error: message,
    code,
    retryable: isTransient(error),
    ...retryAfter,
    ...withPartialStep(turn),
  };
}

export function codeOf(outcome: Outcome): string | undefined {
  return outcome.type === "error" ? outcome.code : undefined;
}

export interface EndingDeps extends Pick<Bus, "transcripts"> {
  readonly recordFormat: RecordFormat;
  /** Keeps what the turn has used, which is decided with its end. Never throws. */
  readonly settle: (turn: ClaimedTurn, outcome: Outcome) => Promise<void>;
  /** Told of every turn that has its terminal event from here. */
  readonly onEnded: (request: TurnRequest, outcome: Outcome, turn: Pick<ClaimedTurn, "history" | "room">) => void;
}

/** Each time it is cut to a smaller size. */
const maxFits = 5;

/**
 * Writes an outcome of bounded size, smaller ones when even that is too large for the broker (nobody lowers its limit but an operator, also while
 * a turn runs). What was written once is what is written from then on.
 */
function createFitting(chain: Chain, outcome: Outcome) {
  let kept = boundOutcome(outcome);
  let maxBytes: number = limits.eventBytes;
  return {
    kept: (): Outcome => kept,
    async write(attempt: (outcome: Outcome, maxBytes: number) => Promise<void>): Promise<void> {
      for (let fits = 1; ; fits++) {
        try {
          return await attempt(kept, maxBytes);
        } catch (error) {
          if (!(error instanceof EventTooLargeError) || fits === maxFits) throw error;
          await chain.resume();
          maxBytes = Math.min(error.maxBytes, Math.floor(maxBytes * 0.9));
          kept = fitOutcome(kept, maxBytes - envelopeBytes);
        }
      }
    },
  };
}

/**
 * Ends a turn, in an order that survives a crash between any two lines: decide (`ending`, in the fenced chain), store the transcript,
 * tell the viewers. Whoever takes over after the first line does the other two with the same content.
 */
export function createEnding({ transcripts, recordFormat: format, settle, onEnded }: EndingDeps) {
  return async (turn: ClaimedTurn, chain: Chain, outcome: Outcome): Promise<void> => {
    const { request, fold, span } = turn;
    const fitting = createFitting(chain, outcome);
    const tell = (event: Outcome | { type: "ending"; outcome: Outcome }): Promise<void> => {
      chain.push(event);
      return chain.stored();
    };
    const about = { [traceNames.outcome]: outcome.type, [traceNames.code]: codeOf(outcome) };
    span.set(about);
    const ending = span.child({ name: "end turn", attributes: about });
    try {
      if (fold.ending === undefined) {
        await fitting.write((kept) => tell({ type: "ending", outcome: kept }));
        ending.event("decided");
      }
      const settled = settle(turn, fitting.kept());
      await fitting.write((kept, maxBytes) =>
        transcripts.appendOf(turn.queuedAt, ...recordsOf(turn, kept, { format, maxBytes })),
      );
      await settled;
      ending.event("transcript stored");
      await fitting.write((kept) => tell(kept));
      ending.event("told");
    } finally {
      ending.end();
    }
    onEnded(request, fitting.kept(), turn);
  };
}
