import {
  callIdOf,
  cutJsonText,
  jsonBytes,
  jsonTextBytes,
  limits,
  type StepCall,
  toolNotAllowed,
  type ToolDefinition,
  type TurnId,
} from "@parley/protocol";
import { toolNamed, withKnownNames } from "./call-names.ts";
import type { RequestedCall } from "./model/model.ts";
import { withoutBlanks } from "./optional-arguments.ts";
import { parseArguments } from "./prompt.ts";
import { providerCallsOf } from "./provider-calls.ts";
import type { TurnFold } from "./turn-fold.ts";

/** What calls of a turn have used of its limits so far. */
interface Used {
  readonly calls: number;
  readonly argumentBytes: number;
  readonly resultBytes: number;
}

function usedBy({ steps, results }: TurnFold): Used {
  const calls = steps.flatMap((step) => step.calls);
  const sum = (sizes: number[]): number => sizes.reduce((all, size) => all + size, 0);
  return {
    calls: calls.length,
    argumentBytes: sum(calls.map((call) => jsonBytes(call.arguments))),
    resultBytes: sum([...results.values()].map(({ result }) => jsonTextBytes(result))),
  };
}

/** How many calls may still run: each may bring a result of full size. */
function callsLeft({ calls, resultBytes }: Used): number {
  const byResults = Math.floor((limits.turnResultBytes - resultBytes) / limits.toolResultBytes);
  return Math.max(0, Math.min(limits.callsPerTurn - calls, byResults));
}

/** Whether the turn may call no tool any more: the model gets none then, and has to answer. */
export function isOutOfCalls(fold: TurnFold): boolean {
  return callsLeft(usedBy(fold)) === 0;
}

export interface StepCallsInput {
  readonly turnId: TurnId;
  readonly fold: TurnFold;
  /** What the model was offered. */
  readonly tools: readonly ToolDefinition[];
  /** What whoever asks may not run: the model does not know of it, and may ask for it all the same. */
  readonly notAllowed?: readonly ToolDefinition[];
}

/**
 * The calls of a step as they are committed. One that cannot run, or is beyond a limit, gets a problem: a sentence that the model reads as its
 * result. So every call that the model is shown has a result, which providers insist on. Those beyond any reason are only counted.
 */
export function stepCallsOf(given: readonly RequestedCall[], input: StepCallsInput): StepCall[] {
  const { turnId, fold, tools } = input;
  const requested = withKnownNames(given, tools);
  const used = usedBy(fold);
  const allowed = Math.min(limits.callsPerStep, callsLeft(used));
  const parse = createStepParser(
    input,
    Math.min(limits.stepArgumentsBytes, limits.turnArgumentsBytes - used.argumentBytes),
  );
  const shown = requested.slice(0, allowed + limits.refusedCallsPerStep);
  const unseen = requested.length - shown.length;
  const kept = providerCallsOf(shown, fold);
  return shown.map((call, index) => {
    const isLast = index === shown.length - 1;
    const head = {
      call_id: callIdOf(turnId, fold.steps.length, index),
      tool_name: cutJsonText(call.name, limits.toolNameBytes),
    };
    const provider = kept[index];
    const tail = provider === undefined ? {} : { provider };
    if (index < allowed) return { ...head, ...parse(call), ...tail };
    return { ...head, arguments: {}, problem: refusalOf(allowed, isLast ? unseen : 0), ...tail };
  });
}

function refusalOf(allowed: number, unseen: number): string {
  const why =
    allowed < limits.callsPerStep
      ? "this answer has used up its tool calls or the size of their results"
      : `at most ${limits.callsPerStep} calls are run at once`;
  const others = unseen === 0 ? "" : ` ${unseen} more calls were left out.`;
  return `Not run: ${why}.${others}`;
}

function notOffered(name: string, notAllowed: readonly ToolDefinition[]): string {
  const barred = toolNamed(name, notAllowed);
  if (barred !== undefined) return toolNotAllowed(barred.name);
  return `There is no tool named ${cutJsonText(name, limits.toolNameBytes)}.`;
}

type Parsed = Pick<StepCall, "arguments" | "problem">;

function createStepParser({ tools, notAllowed = [] }: StepCallsInput, maxBytes: number) {
  let leftBytes = maxBytes;
  return ({ name, arguments: text }: RequestedCall): Parsed => {
    const tool = toolNamed(name, tools);
    if (tool === undefined) return { arguments: {}, problem: notOffered(name, notAllowed) };
    const parsed = parseArguments(text);
    if (!parsed.ok) return { arguments: {}, problem: parsed.problem };
    const args = withoutBlanks(parsed.arguments, tool.parameters);
    const bytes = jsonBytes(args);
    if (bytes > leftBytes)
      return {
        arguments: {},
        problem: "Not run: the arguments of the calls together are too large. Ask for less at once.",
      };
    leftBytes -= bytes;
    return { arguments: args };
  };
}
