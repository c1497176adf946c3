import type { AnswerMetadata, FinishedToolCall } from "@parley/protocol";

/** `metadata` of dialect C's `complete`: every field is always there. */
export interface SeedMetadata {
  readonly agent: string;
  readonly confidence: number;
  readonly context: { readonly sources: string[] };
  /** Only of an answer that is not whole; an addition that clients of the seeds pass over. */
  readonly finish?: CutFinish;
}

export type CutFinish = Exclude<NonNullable<AnswerMetadata["finish"]>, "stop">;

/** Who answers when nobody was chosen. */
const defaultAgent = "general";

/** What cut an answer; nothing of a whole one, which is told as the seeds document it. */
export function cutOf({ finish }: AnswerMetadata): { readonly finish?: CutFinish } {
  return finish === undefined || finish === "stop" ? {} : { finish };
}

/** `confidence` is 0 when no agent was chosen, so that none was computed; sources are the titles of the documents. */
export function seedMetadata(metadata: AnswerMetadata): SeedMetadata {
  const { agent, confidence, context } = metadata;
  return {
    agent: agent ?? defaultAgent,
    confidence: confidence ?? 0,
    context: { sources: (context?.sources ?? []).map(({ title }) => title) },
    ...cutOf(metadata),
  };
}

/** A call that has ended: clients of the seeds know two ways in which it does. */
export function seedToolCall({
  call_id,
  tool_name,
  arguments: args,
  arguments_bytes,
  result,
  status,
}: FinishedToolCall) {
  const known = status === "completed" ? ("completed" as const) : ("failed" as const);
  const cut = arguments_bytes === undefined ? {} : { arguments_bytes };
  return { call_id, tool_name, arguments: args, ...cut, result, status: known };
}
