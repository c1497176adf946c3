import {
  isDeeperThan,
  isToolCall,
  jsonBytes,
  limits,
  runsWithoutModel,
  type GivenCall,
  type ToolArguments,
  type ToolDefinition,
  type TurnView,
} from "@parley/protocol";

/** Tools that read a cluster, offered beside agents: a call of one is a turn that no model has a part in. */

export interface McpClusterTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: { type: "object" } & Record<string, unknown>;
  readonly annotations: Readonly<Record<string, boolean>>;
}

/** A type, not an interface: the SDK takes results with fields that it does not know. */
export type McpToolResult = { content: { readonly type: "text"; readonly text: string }[]; isError?: boolean };

/** Of all tool workers together; what is beyond is not listed. Clients give the whole list to their models. */
const mostTools = 64;
const schemaBytes = 16 * 1024;
const descriptionChars = 2_000;

const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true };

/** Those of the tools there are that whoever asks may run, by name, in the order in which they come. */
export function clusterTools(
  definitions: readonly ToolDefinition[],
  mayRun: (tool: string) => boolean,
): ReadonlyMap<string, McpClusterTool> {
  const tools = new Map<string, McpClusterTool>();
  for (const definition of definitions) {
    if (tools.size === mostTools) break;
    const { name, description, parameters } = definition;
    const isListed = runsWithoutModel(definition) && jsonBytes(parameters) <= schemaBytes && mayRun(name);
    // Clients refuse a whole list for one schema that is none of an object.
    if (!isListed || (parameters["type"] ?? "object") !== "object") continue;
    const inputSchema = { ...parameters, type: "object" as const };
    tools.set(name, { name, description: description.slice(0, descriptionChars), inputSchema, annotations });
  }
  return tools;
}

/** What is wrong with arguments that no tool takes; undefined: they go to the tool, which looks for itself. */
export function argumentsProblem(args: ToolArguments): string | undefined {
  if (isDeeperThan(args, limits.toolArgumentsDepth)) return "The arguments are nested too deeply.";
  const isLarge = jsonBytes(args) > limits.toolArgumentsBytes;
  return isLarge ? `The arguments are larger than ${limits.toolArgumentsBytes / 1_024} KB.` : undefined;
}

const messageChars = 500;

/** What stands in the log as the message of such a turn. */
export function callMessage({ tool_name, arguments: args }: GivenCall): string {
  return `${tool_name} ${JSON.stringify(args).slice(0, messageChars)}`.toWellFormed();
}

/** The result of the call, as its tool gave it; what went wrong is a result too, for the client's model to read. */
export function clusterToolResult({ parts, outcome }: TurnView): McpToolResult {
  const call = parts.find(isToolCall);
  if (outcome?.type === "error") return failed(outcome.error);
  if (outcome?.type === "cancelled") return failed("The call was stopped.");
  // An agent worker of the version before has answered it, without tools.
  if (call?.result === undefined) return failed("The call was not run. Try again in a minute.");
  const { result, status, truncated, result_bytes: bytes } = call;
  const cut = truncated === true ? [text(`This is the beginning of the result${sizeOf(bytes)}: ask for less.`)] : [];
  return { content: [text(result), ...cut], ...(status === "completed" ? {} : { isError: true }) };
}

function sizeOf(bytes: number | undefined): string {
  return bytes === undefined ? "" : `, which has ${bytes} bytes`;
}

function failed(sentence: string): McpToolResult {
  return { content: [text(sentence)], isError: true };
}

function text(said: string): McpToolResult["content"][number] {
  return { type: "text", text: said };
}
