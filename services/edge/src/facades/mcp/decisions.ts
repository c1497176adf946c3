import { decisionOf } from "@parley/dialects";
import { toChatError, type ConversationId, type ErrorCode, type ToolCallPart } from "@parley/protocol";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Call } from "../../transport/route.ts";

export interface Decisions {
  /** On which calls there is a decision now. */
  readonly decided: ReadonlySet<string>;
  /** Why an answer did not do, by call. */
  readonly problems: ReadonlyMap<string, string>;
  /** What the person closed without an answer. */
  readonly closed: ReadonlySet<string>;
}

/** Somebody was quicker, or the time was over: what counts is told by the answer. */
const settledElsewhere: ReadonlySet<ErrorCode> = new Set(["CONFLICT", "NOT_FOUND", "APPROVAL_EXPIRED"]);

/**
 * What people have answered, as decisions: the same command as everywhere, with the same checks of who may decide. Throws FORBIDDEN, and OVERLOADED where nobody knows
 * yet whether it counts.
 */
export async function decide(
  { commands }: Pick<FacadeDeps, "commands">,
  { caller }: Call,
  conversation_id: ConversationId,
  {
    calls,
    responses,
  }: { readonly calls: readonly ToolCallPart[]; readonly responses: Readonly<Record<string, unknown>> },
): Promise<Decisions> {
  const decided = new Set<string>();
  const problems = new Map<string, string>();
  const closed = new Set<string>();
  for (const call of calls) {
    const { call_id } = call;
    if (!Object.hasOwn(responses, call_id)) continue;
    const decision = decisionOf(call, responses[call_id]);
    if (decision === undefined) {
      closed.add(call_id);
      continue;
    }
    try {
      await commands.approve(caller, { conversation_id, ...decision });
      decided.add(call_id);
    } catch (thrown) {
      const { code, message } = toChatError(thrown);
      if (settledElsewhere.has(code)) decided.add(call_id);
      else if (code === "INVALID_FRAME") problems.set(call_id, message);
      else throw thrown;
    }
  }
  return { decided, problems, closed };
}
