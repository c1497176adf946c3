import { randomUUID } from "node:crypto";
import { inputRequired, type InputRequiredResult, type ServerContext } from "@modelcontextprotocol/server";
import {
  AgentArguments,
  AnswerArguments,
  askableCalls,
  conversationOfSession,
  failedResult,
  questionOf,
  resultOf,
  sessionConversation,
  workingTask,
  type McpResult,
  type McpTask,
  type TurnPlace,
} from "@parley/dialects";
import { ChatError, problemOf, toChatError, type AgentChoice, type ToolCallPart } from "@parley/protocol";
import { newConversationId } from "@parley/protocol/turn-id";
import { z } from "zod";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Question } from "../../transport/http-turns.ts";
import type { Settled, StreamTarget } from "../../transport/turn-streams.ts";
import { abilitiesOf, whereOf, type McpCall, type States } from "./call.ts";
import { decide, type Decisions } from "./decisions.ts";
import { createProgress } from "./progress.ts";
import type { RunningCalls } from "./running-calls.ts";
import { begunMs, lookAt, StillRunning, type LookHow } from "./turns.ts";

export interface AgentCallDeps extends Pick<FacadeDeps, "streams" | "commands" | "ownership" | "bus" | "log"> {
  readonly states: States;
  readonly running: RunningCalls;
}

type Result = McpResult | InputRequiredResult | (McpTask & { resultType: "task"; content: [] });

/** What takes longer becomes a task, where the client knows tasks: it can go away then, and come back to any edge. */
const taskAfterMs = 2_000;

/** A client's own name of a call, in its `_meta`: the same name with the same arguments is the same turn. */
const idKey = "io.parley/message-id";
const MessageName = z.string().min(1).max(128);

/** A call of an agent's tool: a turn. What goes wrong is a result that says so in a sentence, as the client's model is to read it. */
export async function callAgent(
  deps: AgentCallDeps,
  call: McpCall,
  agent: AgentChoice,
  given: unknown,
  ctx: ServerContext,
): Promise<Result> {
  try {
    const place = deps.states.read(ctx);
    if (place !== undefined) return await goOn(deps, call, place, ctx);
    const question = await questionIn(deps, call, agent, { given, ctx });
    return await settle(deps, call, { question }, ctx);
  } catch (thrown) {
    return failed(thrown);
  }
}

/** Waits for a turn that was begun by another call. */
export async function callAnswer(
  deps: AgentCallDeps,
  call: McpCall,
  given: unknown,
  ctx: ServerContext,
): Promise<Result> {
  try {
    const { conversation_id: name, turn_id } = parse(AnswerArguments, given);
    const conversation_id = await conversationOfSession(deps.ownership.isOwn, call.caller, name);
    const place =
      turn_id === undefined ? await deps.streams.active(call.caller, conversation_id) : { conversation_id, turn_id };
    if (place === undefined) throw new ChatError("NOT_FOUND", { message: "No answer runs there: name the turn_id." });
    return deps.states.read(ctx) === undefined
      ? await settle(deps, call, { place }, ctx)
      : await goOn(deps, call, place, ctx);
  } catch (thrown) {
    return failed(thrown);
  }
}

function failed(thrown: unknown): McpResult {
  return failedResult(toChatError(thrown));
}

function parse<T extends z.ZodType>(schema: T, given: unknown): z.output<T> {
  const { data, error } = schema.safeParse(given ?? {});
  if (error === undefined) return data;
  throw new ChatError("INVALID_FRAME", {
    message: `The arguments are not valid: ${problemOf(error, given, "the arguments")}.`,
  });
}

async function questionIn(
  { ownership }: AgentCallDeps,
  { caller }: McpCall,
  { name: agent }: AgentChoice,
  { given, ctx }: { readonly given: unknown; readonly ctx: ServerContext },
): Promise<Question> {
  const { message, conversation_id: name } = parse(AgentArguments, given);
  const { data: id } = MessageName.safeParse(ctx.mcpReq._meta?.[idKey]);
  const begin = () =>
    id === undefined
      ? newConversationId()
      : sessionConversation(caller.user.id, JSON.stringify(["mcp", id]), caller.tenant);
  const conversation_id = name === undefined ? begin() : await conversationOfSession(ownership.isOwn, caller, name);
  return { type: "message", id: id ?? `mcp-${randomUUID()}`, message, conversation_id, agent, on_busy: "enqueue" };
}

/** To its end, to a question, or to where it becomes a task. */
async function settle(
  deps: AgentCallDeps,
  call: McpCall,
  target: StreamTarget,
  ctx: ServerContext,
  tellsWait?: LookHow["tellsWait"],
): Promise<Result> {
  const { canAsk, knowsTasks } = abilitiesOf(ctx);
  const isModern = call.era === "modern";
  const progress = createProgress(ctx);
  const known: { place: TurnPlace | undefined } = { place: "place" in target ? target.place : undefined };
  const note = (place: TurnPlace): void => {
    known.place = place;
    if (!isModern) deps.running.begun(call.caller, ctx.mcpReq.id, place);
  };
  if (known.place !== undefined) note(known.place);
  try {
    const settled = await lookAt(deps, call, target, {
      gone: ctx.mcpReq.signal,
      stops: isModern,
      ...(knowsTasks ? { withinMs: taskAfterMs } : {}),
      ...(tellsWait === undefined ? {} : { tellsWait }),
      onAccepted: note,
      onSteps: progress.onSteps,
    });
    return canAsk && isModern ? await answerOrAsk(deps, call, settled, ctx) : answer(call, settled);
  } catch (thrown) {
    const { place } = known;
    if (place === undefined) throw thrown;
    if (thrown instanceof StillRunning) {
      const times = { createdMs: await begunMs(deps, place), updatedMs: Date.now() };
      return { ...workingTask(place, times, progress.last), resultType: "task", content: [] };
    }
    return failedResult(toChatError(thrown), whereOf(call, place));
  } finally {
    if (!isModern && known.place !== undefined) deps.running.ended(call.caller, ctx.mcpReq.id, known.place);
  }
}

function answer(call: McpCall, { turn, place }: Settled): McpResult {
  return resultOf(turn, whereOf(call, place));
}

async function answerOrAsk(
  { states }: AgentCallDeps,
  call: McpCall,
  settled: Settled,
  ctx: ServerContext,
  problems: Decisions["problems"] = new Map(),
): Promise<Result> {
  const { turn, place } = settled;
  const asked = turn.outcome === undefined ? askableCalls(turn) : [];
  if (asked.length === 0) return answer(call, settled);
  return inputRequired({
    inputRequests: Object.fromEntries(asked.map((one) => [one.call_id, elicit(one, problems.get(one.call_id))])),
    requestState: await states.mint(call, place, ctx),
  });
}

function elicit(call: ToolCallPart, problem: string | undefined) {
  return inputRequired.elicit({ mode: "form", ...questionOf(call, problem) });
}

/** The client is back with its user's answers. What they did not say is asked again; what they closed stays open in Parley. */
async function goOn(deps: AgentCallDeps, call: McpCall, place: TurnPlace, ctx: ServerContext): Promise<Result> {
  const gone = ctx.mcpReq.signal;
  const settled = await lookAt(deps, call, { place }, { gone, stops: true });
  const calls = settled.turn.outcome === undefined ? askableCalls(settled.turn) : [];
  if (calls.length === 0) return answer(call, settled);
  const responses = ctx.mcpReq.inputResponses ?? {};
  const { decided, problems, closed } = await decide(deps, call, place.conversation_id, { calls, responses });
  if (closed.size > 0) return answer(call, settled);
  if (calls.some(({ call_id }) => !decided.has(call_id))) {
    const left = {
      ...settled,
      turn: {
        ...settled.turn,
        parts: settled.turn.parts.filter((part) => !("call_id" in part) || !decided.has(String(part.call_id))),
      },
    };
    return answerOrAsk(deps, call, left, ctx, problems);
  }
  // What was decided is not asked about again, also where it is not seen to be decided yet.
  return settle(deps, call, { place }, ctx, (waiting) => waiting.some(({ call_id }) => !decided.has(call_id)));
}
