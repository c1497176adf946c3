import { randomUUID } from "node:crypto";
import { argumentsProblem, callMessage, clusterToolResult, sentenceOf, type McpToolResult } from "@parley/dialects";
import {
  ChatError,
  toChatError,
  ToolArguments,
  type Caller,
  type ConversationId,
  type ErrorCode,
} from "@parley/protocol";
import { newConversationId } from "@parley/protocol/turn-id";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Question } from "../../transport/http-turns.ts";
import { errorOf, type AgentCallDeps, type ToolCalling } from "./agent-call.ts";
import { createProgress } from "./progress.ts";
import { numbered } from "./running-calls.ts";
import { lookAt } from "./turns.ts";

export interface ToolCallDeps extends AgentCallDeps, Pick<FacadeDeps, "conversations"> {}

/** Nothing was accepted, so there is nothing to delete. */
const refusals: ReadonlySet<ErrorCode> = new Set(["RATE_LIMITED", "QUOTA_EXCEEDED", "BLOCKED", "FORBIDDEN"]);

const nothingWaits = (): boolean => false;

/**
 * A call of a tool that reads, without a model: a turn whose message names that call. It has the executor's policy, rights, audit and limits, and a killed worker's successor goes
 * on with it. The conversation around it is nobody's to see: it is not listed, and deleted when the result is there, or nobody waits for it any more.
 */
export async function callTool(
  tool: ToolCalling & { readonly deps: ToolCallDeps },
  name: string,
): Promise<McpToolResult> {
  const { deps, call, ctx, given } = tool;
  const conversation_id = newConversationId();
  const place = { conversation_id, turn_id: "" };
  let isBegun = false;
  const named = call.era === "legacy" ? numbered(call, ctx.mcpReq.id) : undefined;
  try {
    const question = questionOf(conversation_id, name, given);
    const { turn_id } = deps.streams.placeOf(call.caller, conversation_id, question.id);
    place.turn_id = turn_id;
    isBegun = true;
    const { turn } = await lookAt(
      deps,
      call,
      { question },
      {
        gone: ctx.mcpReq.signal,
        stops: call.era === "modern",
        tellsWait: nothingWaits,
        onAccepted: () => named && deps.running.begun(named, place),
        onSteps: createProgress(ctx).onSteps,
      },
    );
    return clusterToolResult(turn);
  } catch (thrown) {
    const error = errorOf(deps, thrown);
    isBegun &&= !refusals.has(error.code);
    return { content: [{ type: "text", text: sentenceOf(error) }], isError: true };
  } finally {
    if (named !== undefined) deps.running.ended(named, place);
    if (isBegun) void forget(deps, call.caller, conversation_id);
  }
}

/** Throws INVALID_FRAME. */
function questionOf(conversation_id: ConversationId, tool_name: string, given: unknown): Question {
  const { data: args } = ToolArguments.safeParse(given ?? {});
  const problem = args === undefined ? "The arguments are not an object." : argumentsProblem(args);
  if (args === undefined || problem !== undefined) throw new ChatError("INVALID_FRAME", { message: problem ?? "" });
  const call = { tool_name, arguments: args };
  return {
    ...{ type: "message", id: `mcp-${randomUUID()}`, conversation_id, on_busy: "enqueue" },
    message: callMessage(call),
    // A worker of the version before knows no `call`: it is to run nothing, and to say as little as can be.
    given: { call, tool_choice: "none", max_tokens: 1 },
  };
}

const tries = 5;
const againMs = 2_000;

/** Also stops what still runs. Where the broker stays away it is left as it is: not listed, and dropped with all that is as old. */
async function forget(
  { conversations, log }: ToolCallDeps,
  caller: Caller,
  conversation: ConversationId,
): Promise<void> {
  for (let tried = 1; tried <= tries; tried++) {
    try {
      return await conversations.delete(conversation, caller);
    } catch (err) {
      log.debug({ err, conversation, code: toChatError(err).code }, "a tool's call could not be deleted yet");
      if (tried < tries) await new Promise((resolve) => setTimeout(resolve, againMs).unref());
    }
  }
}
