import type { ToolCatalogue } from "@parley/bus";
import { askPersonTool } from "@parley/protocol";
import type { Chain } from "./chain.ts";
import type { ClaimedTurn } from "./claimed-turn.ts";
import type { Handover } from "./handover/handover.ts";
import type { TurnMemory } from "./turn-memory.ts";
import type { Suspend } from "./suspension.ts";
import type { ToolCalls, ToolRun } from "./tool-calls.ts";
import type { CommittedStep, TurnFold } from "./turn-fold.ts";

export interface ToolStepDeps {
  readonly toolCalls: ToolCalls;
  /** Runs the one tool that is no tool worker's; absent: there is none here. */
  readonly handover?: Pick<Handover, "askPerson"> | undefined;
  readonly catalogue: Pick<ToolCatalogue, "list">;
  readonly suspend: Suspend;
}

/** Runs the tools of a committed step. */
export function createToolStep({ toolCalls, handover, catalogue, suspend }: ToolStepDeps) {
  const toolRun = async ({ request, fold, stop, span }: ClaimedTurn, { calls }: CommittedStep): Promise<ToolRun> => {
    const definitions = await catalogue.list();
    const definitionOf = (name: string) =>
      definitions.find((tool) => tool.name === name || tool.aliases.includes(name));
    return { request, fold, calls, definitionOf, signal: stop.signal, span };
  };

  const askPersons = async (turn: ClaimedTurn, run: ToolRun, { askPerson }: Pick<Handover, "askPerson">) => {
    for (const call of run.calls) {
      const isDone = call.problem !== undefined || turn.fold.results.has(call.call_id);
      if (call.tool_name !== askPersonTool || isDone) continue;
      const result = await askPerson(turn, call);
      await toolCalls.settle(run, call, { status: "completed", result, durationMs: 0 });
    }
  };

  /** Returns whether the turn waits for a person now. `memory`: runs the calls that are its own. */
  const runTools = async (
    turn: ClaimedTurn,
    chain: Chain,
    step: CommittedStep,
    memory?: TurnMemory,
  ): Promise<boolean> => {
    for (const { call_id, tool_name, arguments: args } of step.calls) {
      if (turn.fold.started.has(call_id)) continue;
      chain.push({ type: "tool_call_start", call_id, tool_name, arguments: args });
    }
    await chain.stored();
    const run = await toolRun(turn, step);
    await memory?.run(run, chain);
    if (handover !== undefined) await askPersons(turn, run, handover);
    const undecided = await toolCalls.runAll(run);
    turn.stop.signal.throwIfAborted();
    if (undecided.length === 0) return false;
    const calls = undecided.map(({ call_id }) => call_id);
    const problem = await suspend(turn, chain, calls);
    if (problem === undefined) return true;
    await toolCalls.refuse(run, undecided, problem);
    return false;
  };

  return { toolRun, runTools };
}

/** The committed step whose tools have not all ended; only the last can be one. */
export function openStep(fold: TurnFold): CommittedStep | undefined {
  const last = fold.steps.at(-1);
  return last?.calls.some((call) => !fold.results.has(call.call_id)) === true ? last : undefined;
}
