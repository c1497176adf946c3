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
  type FormQuestion,
  type Tool,
  type ToolContext,
  type ToolOutput,
} from "../tools/tool.ts";
import { NotSentError, type CallAnswer } from "./connection.ts";
import { answersOf, messageAsked, questionOf } from "./elicitation.ts";
import type { McpServerConfig } from "./mcp-file.ts";
import type { AccountOwner } from "./oauth.ts";
import type { OfferedTool } from "./offered-tool.ts";
import { foreignLine, outputOf } from "./result-text.ts";
import type { SessionCall } from "./session.ts";
import { NotConnectedError } from "./token-store.ts";

/** A server as its tools see it. */
export interface ToolServer {
  readonly server: McpServerConfig;
  /** Throws NotSentError when the server got nothing of it, NotConnectedError where that is for the want of an account. */
  call(call: SessionCall, owner: AccountOwner): Promise<CallAnswer>;
  /** Where each user has one of their own. */
  readonly account?: {
    /** What people are asked who have not connected one. */
    readonly question: FormQuestion;
    isConnected(owner: AccountOwner): Promise<boolean>;
  };
}

/** The executor stops a call that takes too long; the client's own clock only ends what that has left behind. */
const GRACE_MS = 5_000;

const MAX_ERROR_BYTES = 4 * 1024;

/** Arguments of a call may not be larger: a person has to be able to read them, and a server to take them. */
const MAX_ARGUMENT_BYTES = 256 * 1024;

/**
 * A tool of a server as one of ours: the same executor, policy, limits and approval. It changes something unless the operator's file says that it only reads;
 * what the server says about that is a hint for people.
 */
export function createMcpTool(connection: ToolServer, offered: OfferedTool): Tool {
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
        ...(connection.account && { first: firstOf(connection.account) }),
        access: async () => [
          { system: `mcp:${server.name}`, verb: "call", name: listed.name, ...(connection.account && { as: "user" }) },
        ],
        run: (context) => run(connection, offered, read.input, context),
      };
    },
  };
}

function firstOf({ question, isConnected }: NonNullable<ToolServer["account"]>) {
  return async (context: ToolContext): Promise<FormQuestion | undefined> =>
    (await isConnected(ownerOf(context))) ? undefined : question;
}

function ownerOf({ user, caller }: ToolContext): AccountOwner {
  return { user: user.id, tenant: caller?.tenant };
}

function approvalOf({ server }: ToolServer, offered: OfferedTool, args: ToolArguments): PreparedApproval {
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
  connection: ToolServer,
  { listed }: OfferedTool,
  args: ToolArguments,
  context: ToolContext,
): Promise<ToolOutput> {
  const { server, account } = connection;
  const { signal, progress, answers } = context;
  // That an account was connected is for us and not for the server.
  const isForServer = answers !== undefined && answers.state !== account?.question.state;
  const call: SessionCall = {
    ...{ tool: listed, args, signal },
    answers: isForServer ? answersOf(answers) : undefined,
    timeoutMs: server.limits.call_ms + GRACE_MS,
    onProgress: progress,
  };
  try {
    return answered(connection, await connection.call(call, ownerOf(context)));
  } catch (error) {
    if (error instanceof NotConnectedError && account !== undefined)
      throw withoutAccount(server.name, account.question);
    throw failureOf(error, { server: server.name, isRead: server.read_tools.includes(listed.name), signal });
  }
}

/** Asked of a person where that can be; else the sentence is the call's result. */
function withoutAccount(server: string, question: FormQuestion): NeedsAnswersError {
  const sentence = `Not run: whoever asks has no account connected at the MCP server ${server}, or it was ended there. ${question.summary}`;
  return new NeedsAnswersError(sentence, question);
}

function answered({ server }: ToolServer, { result, declined, isModern }: CallAnswer): ToolOutput {
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
