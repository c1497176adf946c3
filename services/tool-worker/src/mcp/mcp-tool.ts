import {
  isCallToolResult,
  isInputRequiredResult,
  ProtocolError,
  SdkHttpError,
  UnauthorizedError,
} from "@modelcontextprotocol/client";
import type { ToolArguments } from "@parley/protocol";
import { readArguments } from "../tools/arguments.ts";
import {
  NeedsAnswersError,
  NotDoneError,
  ToolError,
  UnknownEffectError,
  type PreparedApproval,
  type PreparedCall,
  type Tool,
  type ToolContext,
  type ToolOutput,
} from "../tools/tool.ts";
import { NotSentError, type CallAnswer, type Connection } from "./connection.ts";
import { answersOf, messageAsked, questionOf } from "./elicitation.ts";
import type { OfferedTool } from "./offered-tool.ts";
import { foreignLine, outputOf } from "./result-text.ts";

/** The executor stops a call that takes too long; the client's own clock only ends what that has left behind. */
const GRACE_MS = 5_000;

const MAX_ERROR_BYTES = 4 * 1024;

/** Arguments of a call may not be larger: a person has to be able to read them, and a server to take them. */
const MAX_ARGUMENT_BYTES = 256 * 1024;

/**
 * A tool of a server as one of ours: the same executor, policy, limits and approval. It changes something unless the operator's file says that it only reads;
 * what the server says about that is a hint for people.
 */
export function createMcpTool(connection: Connection, offered: OfferedTool): Tool {
  const { server } = connection;
  const { name, description, parameters, listed } = offered;
  const isRead = server.read_tools.includes(listed.name);
  const effect = isRead ? "read" : "write";
  return {
    definition: {
      ...{ name, aliases: [], description, parameters, effect },
      timeout_ms: server.limits.call_ms,
      // Also of a tool that only reads: its server may ask a person something, or the policy want one to agree, and agents have to listen for the question.
      approval: "required" as const,
    },
    prepare(args): PreparedCall {
      if (JSON.stringify(args).length > MAX_ARGUMENT_BYTES)
        return { problem: `The arguments of ${name} are too large: at most ${MAX_ARGUMENT_BYTES} bytes.` };
      const read = readArguments(args, { schema: offered.schema, parameters, aliases: {} });
      if ("problem" in read) return { problem: `The arguments of ${name} are not valid: ${read.problem}` };
      return {
        ...(isRead ? {} : { approval: approvalOf(connection, offered, read.input) }),
        access: async () => [{ system: `mcp:${server.name}`, verb: "call", name: listed.name }],
        run: (context) => run(connection, offered, read.input, context),
      };
    },
  };
}

function approvalOf({ server }: Connection, offered: OfferedTool, args: ToolArguments): PreparedApproval {
  const { listed, digest, isCalledDestructive } = offered;
  const warning = isCalledDestructive ? " The server says that it may destroy something." : "";
  return {
    summary: () => `Calls ${listed.name} of the MCP server ${server.name}.${warning}`,
    // With the digest of all that the server says about the tool: one that has become another meanwhile is not what was agreed to.
    preview: async () => ({
      kind: "text",
      text: `${JSON.stringify(args, undefined, 2)}\n\n(${listed.name} as ${server.name} describes it, version ${digest})`,
    }),
    confirm: () => undefined,
  };
}

async function run(
  connection: Connection,
  { listed }: OfferedTool,
  args: ToolArguments,
  { signal, progress, answers }: ToolContext,
): Promise<ToolOutput> {
  const { server } = connection;
  try {
    const answer = await connection.call({
      ...{ tool: listed, args, signal },
      answers: answers && answersOf(answers),
      timeoutMs: server.limits.call_ms + GRACE_MS,
      onProgress: progress,
    });
    return answered(connection, answer);
  } catch (error) {
    throw failureOf(error, { server: server.name, isRead: server.read_tools.includes(listed.name), signal });
  }
}

function answered({ server }: Connection, { result, declined, isModern }: CallAnswer): ToolOutput {
  if (isInputRequiredResult(result)) {
    const sentence = `Not done: the MCP server ${server.name} wants to know more of a person first, and nobody can be asked: ${messageAsked(result)}`;
    const question = questionOf(server.name, result);
    throw question === undefined ? new ToolError(sentence) : new NeedsAnswersError(sentence, question);
  }
  if (!isCallToolResult(result)) throw new TypeError("The answer is no result.");
  if (result.isError === true) {
    const { text, brief = text } = outputOf(result, MAX_ERROR_BYTES);
    throw new ToolError(`The MCP server ${server.name} says that it failed:\n${brief}`);
  }
  const output = outputOf(result, server.limits.result_bytes);
  const notes = declined.map((message) => `(The server asked a person: "${foreignLine(message)}". It was declined.)`);
  if (declined.length > 0 && !isModern)
    notes.push("(Only servers that speak MCP 2026-07-28 can ask people something in the middle of a call.)");
  const noted = (text: string): string => [text, ...notes].join("\n");
  return { ...output, text: noted(output.text), brief: noted(output.brief ?? output.text) };
}

interface FailedCall {
  readonly server: string;
  readonly isRead: boolean;
  readonly signal: AbortSignal;
}

/** A connection to nobody: nothing can have been sent. */
const notConnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT", "EHOSTUNREACH"]);

/** What a call that has failed is to the executor. Of a change whose answer is lost nobody knows whether it was made. */
function failureOf(error: unknown, { server, isRead, signal }: FailedCall): Error {
  if (error instanceof NotSentError) return signal.aborted ? new NotDoneError(error.message, { cause: error }) : error;
  if (error instanceof ToolError) return error;
  if (error instanceof ProtocolError)
    return new ToolError(`The MCP server ${server} refused the call: ${foreignLine(error.message)}`, { cause: error });
  const refusal = refusalOf(error);
  if (refusal !== undefined) return new ToolError(`Not run: the MCP server ${server} ${refusal}.`, { cause: error });
  const what = `the MCP server ${server} was lost, or gave no answer that can be understood.`;
  if (isRead) return new ToolError(`No result: ${what}`, { cause: error });
  return new UnknownEffectError(what, { cause: error });
}

/** Undefined: it is not known to have been refused before it was begun. */
function refusalOf(error: unknown): string | undefined {
  if (error instanceof UnauthorizedError) return "does not know who we are";
  if (error instanceof SdkHttpError && error.status >= 300 && error.status < 500)
    return `refused it with the HTTP status ${error.status}`;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string" && notConnected.has(cause.code)) return "cannot be reached";
  }
  return undefined;
}
