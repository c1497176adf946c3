import type { ToolCatalogue } from "@parley/bus";
import { ChatError, runsWithoutModel, type GivenCall, type Outcome, type ToolDefinition } from "@parley/protocol";
import { callerHash } from "@parley/protocol/approval-hash";
import type { RightsOf } from "./agents/turn-rights.ts";
import type { Chain } from "./chain.ts";
import type { ClaimedTurn } from "./claimed-turn.ts";
import { completeOutcome } from "./ending.ts";
import { stepCallsOf } from "./step-calls.ts";
import { createStepWriter } from "./step-writer.ts";
import type { Suspend } from "./suspension.ts";
import { createToolStep, openStep, type ToolStepDeps } from "./tool-step.ts";
import { finishedCalls } from "./turn-fold.ts";

export interface PlannedCallDeps extends Pick<ToolStepDeps, "toolCalls"> {
  readonly catalogue: Pick<ToolCatalogue, "list" | "refresh">;
  readonly rightsOf: RightsOf;
  /** The largest event that the broker takes at the moment. */
  readonly maxEventBytes: () => number;
}

export type PlannedCall = (turn: ClaimedTurn, chain: Chain, call: GivenCall) => Promise<Outcome>;

/** What whoever called reads where the policy wants a person's word: nobody is there to be asked, so nothing waits. */
const refuseToWait: Suspend = ({ fold }, _chain, [call = ""]) => {
  const { policy_reason: reason } = fold.approvals.get(call)?.asked.fact ?? {};
  const why = reason === undefined ? "" : ` (${reason})`;
  return Promise.resolve(`Not run: a person has to agree to this call${why}. Ask an agent for it. Nothing was done.`);
};

const noUsage = { input_tokens: 0, output_tokens: 0 };

/**
 * Runs a turn whose message names one call of a tool: it is committed in place of the first answer of a model and runs as any other, and what it returns is the
 * answer. No model is asked. Whoever takes over finds the committed step, and runs that or nothing: what was refused stays refused.
 */
export function createPlannedCall(deps: PlannedCallDeps): PlannedCall {
  const { catalogue, rightsOf, maxEventBytes } = deps;
  const { runTools } = createToolStep({ ...deps, suspend: refuseToWait });

  /** Only tools that read: whoever wrote the turn is not believed that this is one of them. */
  const offerTo = async ({ request }: ClaimedTurn, name: string) => {
    const find = (there: readonly ToolDefinition[]): ToolDefinition[] =>
      there.filter((tool) => tool.name === name && runsWithoutModel(tool));
    const listed = find(await catalogue.list());
    // This worker may have begun a moment ago, and not know of any tool yet.
    const found = listed.length > 0 ? listed : find(await catalogue.refresh());
    const isAllowed = rightsOf(request).mayRun(name);
    return isAllowed ? { tools: found, notAllowed: [] } : { tools: [], notAllowed: found };
  };

  const commit = async (turn: ClaimedTurn, chain: Chain, { tool_name, arguments: args }: GivenCall): Promise<void> => {
    const { request, fold } = turn;
    const requested = [{ name: tool_name, arguments: JSON.stringify(args) }];
    const tool_calls = stepCallsOf(requested, { turnId: request.turn_id, fold, ...(await offerTo(turn, tool_name)) });
    chain.push({ type: "step", step: 0, tool_calls, usage: noUsage, caller_hash: callerHash(request) });
    await chain.stored();
  };

  return async (turn, chain, call) => {
    const { fold, stop } = turn;
    if (fold.steps.length === 0) await commit(turn, chain, call);
    stop.signal.throwIfAborted();
    const open = openStep(fold);
    if (open !== undefined) await runTools(turn, chain, open);
    stop.signal.throwIfAborted();
    const [end] = finishedCalls(fold);
    if (end === undefined) throw new ChatError("PROCESSING_ERROR");
    // A lost worker may have told of it already, in part: then all of it is told again.
    const writer = createStepWriter(chain, fold, { maxEventBytes, reasoning: "dropped" });
    writer.text(end.result);
    await chain.stored();
    fold.committedText = fold.text;
    return completeOutcome(turn, { tool: end.tool_name, context: { sources: [] }, finish: "stop" });
  };
}
