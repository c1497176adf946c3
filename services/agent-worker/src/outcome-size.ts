import {
  boundCalls,
  cutJsonText,
  errorTable,
  jsonBytes,
  jsonTextBytes,
  limits,
  type AnswerMetadata,
  type Outcome,
} from "@parley/protocol";

/**
 * How large the end of a turn may be. With every limit used to the full, `response` (`responseBytes`), the calls (`endingCallsBytes`) and all the
 * rest are together below `eventBytes`: the text is never cut. `fitOutcome` is for what nobody thought of, and for a broker that takes less.
 */

/** Sentences and reasons; ours have at most 200. */
const sentenceBytes = 1_000;
/** Sources have the titles of an operator's documents. */
const metadataBytes = 16 * 1024;

/** Every part of an outcome but its text within its own limit. The same for whoever does it, however often. */
export function boundOutcome(outcome: Outcome): Outcome {
  return withCalls(withShortWords(outcome), limits.endingCallsBytes - clientCallBytes(outcome));
}

/** Calls of the client's tools are whole, or the client could not run them: the others make room for them. */
function clientCallBytes(outcome: Outcome): number {
  const calls = outcome.type === "complete" ? outcome.metadata.client_calls : undefined;
  return calls === undefined ? 0 : jsonBytes(calls);
}

function withShortWords(outcome: Outcome): Outcome {
  switch (outcome.type) {
    case "complete":
      return { ...outcome, metadata: boundMetadata(outcome.metadata) };
    case "cancelled":
      return { ...outcome, reason: cutJsonText(outcome.reason, sentenceBytes) };
    case "error":
      return { ...outcome, error: cutJsonText(outcome.error, sentenceBytes) };
  }
}

/** Calls of the client's tools have a limit of their own: `clientCallsBytes`. */
function boundMetadata(metadata: AnswerMetadata): AnswerMetadata {
  const { client_calls, ...rest } = metadata;
  const handed = client_calls === undefined ? {} : { client_calls };
  if (jsonBytes(rest) <= metadataBytes) return metadata;
  const { agent, confidence, model, tool, finish } = rest;
  return {
    ...handed,
    ...(agent === undefined ? {} : { agent: cutJsonText(agent, sentenceBytes) }),
    ...(confidence === undefined ? {} : { confidence }),
    ...(model === undefined ? {} : { model: cutJsonText(model, sentenceBytes) }),
    ...(tool === undefined ? {} : { tool }),
    ...(finish === undefined ? {} : { finish: cutJsonText(finish, sentenceBytes) }),
  };
}

/** Nearly every turn has few small calls, or none. */
function withCalls(outcome: Outcome, maxBytes: number): Outcome {
  return outcome.tool_calls.length === 0
    ? outcome
    : { ...outcome, tool_calls: boundCalls(outcome.tool_calls, Math.max(0, maxBytes)) };
}

/**
 * An outcome in at most `maxBytes` of JSON: calls go first, then what is known about the answer, at the very last its text. An answer whose text is
 * cut is not told as complete. It is never smaller than ids, code and sentence, some 500 bytes.
 */
export function fitOutcome(outcome: Outcome, maxBytes: number): Outcome {
  let fitted = boundOutcome(outcome);
  if (jsonBytes(fitted) <= maxBytes) return fitted;
  fitted = withCalls(fitted, maxBytes - jsonBytes({ ...fitted, tool_calls: [] }));
  if (jsonBytes(fitted) <= maxBytes) return fitted;
  return withCutText({ ...fitted, tool_calls: [], ...(fitted.type === "complete" ? barest(fitted) : {}) }, maxBytes);
}

/** Whether an answer is whole is never left out, nor what its client has to do. */
function barest({ metadata }: Extract<Outcome, { type: "complete" }>): { metadata: AnswerMetadata } {
  const { finish, client_calls } = metadata;
  const handed = client_calls === undefined ? {} : { client_calls };
  return { metadata: { ...(finish === undefined ? {} : { finish }), ...handed } };
}

function withCutText(outcome: Outcome, maxBytes: number): Outcome {
  if (jsonBytes(outcome) <= maxBytes) return outcome;
  const told = outcome.type === "complete" ? brokenOff(outcome) : outcome;
  const roomBytes = maxBytes - jsonBytes({ ...told, response: "" });
  if (jsonTextBytes(told.response) <= roomBytes) return told;
  return { ...told, response: cutJsonText(told.response, Math.max(0, roomBytes)) };
}

/** What an end has beside its text when all that can be left out of it is, its headers included. */
const barestBytes = 2_048;

/** How much text a turn may have so that its end fits an event of that size: text that was shown is never cut. */
export function maxTextBytes(eventBytes: number): number {
  return Math.min(limits.responseBytes, eventBytes - barestBytes);
}

/** Why a turn ends that the broker has no room for. */
export const tooLargeSentence = "The answer is larger than the broker of this service takes.";

function brokenOff({ response, message_id, tool_calls, usage }: Outcome): Outcome {
  const { retryable } = errorTable.PROCESSING_ERROR;
  const ended = { response, message_id, tool_calls, usage };
  return { type: "error", error: tooLargeSentence, code: "PROCESSING_ERROR", retryable, ...ended };
}
