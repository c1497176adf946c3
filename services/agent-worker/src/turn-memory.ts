import type { Bus, MemoryOwner } from "@parley/bus";
import { ChatError, type StepCall, type ToolDefinition } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Agent } from "./agents/agent.ts";
import type { Offer } from "./agents/tool-offer.ts";
import type { Chain } from "./chain.ts";
import type { ClaimedTurn } from "./claimed-turn.ts";
import { changeOf, factsFor, memoryBlock, memoryTools, type MemoryChange } from "./memory/facts.ts";
import type { ToolRun } from "./tool-calls.ts";
import { createToolResults, type ToolResults } from "./tool-results.ts";

export interface TurnMemoryDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "memories">;
  /** Unique to this process. */
  readonly worker: string;
  readonly log: Logger;
}

/** What is remembered of whoever asks, in the hands of a turn. */
export interface TurnMemory {
  /** For the model, before its instructions. */
  readonly text: string;
  /** With which the model changes it. */
  readonly tools: readonly ToolDefinition[];
  /** Runs those of the calls that are its own, and have no result yet; the others are not touched. */
  run(run: ToolRun, chain: Pick<Chain, "push">): Promise<void>;
}

export type MemoryOf = (
  turn: Pick<ClaimedTurn, "request">,
  agent: Pick<Agent, "memory">,
  mayRun: (tool: string) => boolean,
) => Promise<TurnMemory | undefined>;

/**
 * What is remembered of users, for agents with `memory: true`; for others nothing is looked up. It is of the user in the tenant, and of the customer for whom the
 * turn is. Where the user has switched it off there is nothing to be told or called; what was called before that fails. Undefined: the agent is given none.
 */
export function createMemoryOf({ bus, worker, log }: TurnMemoryDeps): MemoryOf {
  const results = createToolResults({ bus, worker, log });
  return async ({ request }, agent, mayRun) => {
    if (agent.memory !== true) return undefined;
    const owner = { user: request.user.id, tenant: request.caller?.tenant };
    const memory = await bus.memories.of(owner);
    const tools = memoryTools.filter(({ name }) => mayRun(name));
    return {
      text: memory.enabled ? memoryBlock(factsFor(memory, request.customer_id)) : "",
      tools: memory.enabled ? tools : [],
      async run(run, chain) {
        const own = run.calls.filter((call) => isOwn(call, tools) && !run.fold.results.has(call.call_id));
        // One after the other: they change the same record.
        for (const call of own) {
          run.signal.throwIfAborted();
          await runCall(call, run, { bus, owner, results, chain });
        }
      },
    };
  };
}

/** One that cannot run has its problem as its result, as of any other tool. */
function isOwn({ tool_name, problem }: StepCall, tools: readonly ToolDefinition[]): boolean {
  return problem === undefined && tools.some(({ name }) => name === tool_name);
}

interface CallDeps extends Pick<TurnMemoryDeps, "bus"> {
  readonly owner: MemoryOwner;
  readonly results: ToolResults;
  readonly chain: Pick<Chain, "push">;
}

/** What is stored is told before the call has its result: a takeover runs the call again, which changes nothing more. */
async function runCall(call: StepCall, run: ToolRun, { bus, owner, results, chain }: CallDeps): Promise<void> {
  const startedMs = performance.now();
  const { call_id: callId, tool_name: toolName, arguments: args } = call;
  const about = { callId, toolName, arguments: args, customer: run.request.customer_id, nowMs: Date.now() };
  let change: MemoryChange | undefined;
  try {
    await bus.memories.change(owner, (memory) => {
      change = changeOf(memory, about);
      return change.after;
    });
  } catch (error) {
    if (!(error instanceof ChatError) || error.code !== "CONFLICT") throw error;
    change = { after: undefined, status: "failed", result: error.message };
  }
  const { status = "failed", result = "Nothing is remembered.", told } = change ?? {};
  if (told !== undefined) chain.push({ type: "progress", step: "memory", message: told });
  await results.settle(run, call, { status, result, durationMs: performance.now() - startedMs });
}

/** The tools of its memory in place of others of their names. */
export function withMemory(offer: Omit<Offer, "note">, memory: TurnMemory | undefined): Omit<Offer, "note"> {
  if (memory === undefined || memory.tools.length === 0) return offer;
  const names = new Set(memory.tools.map(({ name }) => name));
  return { ...offer, tools: [...offer.tools.filter(({ name }) => !names.has(name)), ...memory.tools] };
}
