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
import {
  ChatError,
  isToolCall,
  problemOf,
  toChatError,
  type AgentChoice,
  type ErrorCode,
  type Part,
  type ToolCallPart,
} from "@parley/protocol";
import { newConversationId } from "@parley/protocol/turn-id";
import { z } from "zod";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Question } from "../../transport/http-turns.ts";
import type { Settled, StreamTarget } from "../../transport/turn-streams.ts";
import { abilitiesOf, whereOf, type McpCall, type States } from "./call.ts";
import { decide, type Decisions } from "./decisions.ts";
import { createProgress } from "./progress.ts";
import { numbered, type RunningCalls } from "./running-calls.ts";
import { begunMs, lookAt, StillRunning, type LookHow } from "./turns.ts";

/** One call of a tool, with all that its handler has to know. */
export interface ToolCalling {
  readonly deps: AgentCallDeps;
  readonly call: McpCall;
  readonly ctx: ServerContext;
  readonly given: unknown;
}

export interface AgentCallDeps extends Pick<
  FacadeDeps,
  "streams" | "commands" | "ownership" | "bus" | "origin" | "log"
> {
  readonly states: States;
  readonly running: RunningCalls;
}

/** `stops`: whoever stops the call stops the turn. */
type Calling = ToolCalling & { readonly stops: boolean };

type Result = McpResult | InputRequiredResult | (McpTask & { resultType: "task"; content: [] });

/** What takes longer becomes a task, where the client knows tasks: it can go away then, and come back to any edge. */
const taskAfterMs = 2_000;

/** A client's own name of a call, in its `_meta`: the same name with the same arguments is the same turn. */
const idKey = "io.parley/message-id";
const MessageName = z.string().min(1).max(128);

/** A call of an agent's tool: a turn. What goes wrong is a result that says so in a sentence, as the client's model is to read it. */
export async function callAgent(tool: ToolCalling, agent: AgentChoice): Promise<Result> {
  const calling = { ...tool, stops: true };
  const { deps, ctx } = tool;
  try {
    const place = deps.states.read(ctx);
    if (place !== undefined) return await goOn(calling, place);
    return await settle(calling, { question: await questionIn(tool, agent) });
  } catch (thrown) {
    return failed(deps, thrown);
  }
}

/** Waits for a turn that was begun by another call. To stop this one stops the waiting alone. */
export async function callAnswer(tool: ToolCalling): Promise<Result> {
  const calling = { ...tool, stops: false };
  const { deps, call, ctx, given } = tool;
  try {
    const { conversation_id: name, turn_id } = parse(AnswerArguments, given);
    const conversation_id = await conversationOfSession(deps.ownership.isOwn, call.caller, name);
    const place =
      turn_id === undefined ? await deps.streams.active(call.caller, conversation_id) : { conversation_id, turn_id };
    if (place === undefined) throw new ChatError("NOT_FOUND", { message: "No answer runs there: name the turn_id." });
    return deps.states.read(ctx) === undefined ? await settle(calling, { place }) : await goOn(calling, place);
  } catch (thrown) {
    return failed(deps, thrown);
  }
}

function failed(deps: AgentCallDeps, thrown: unknown): McpResult {
  return failedResult(errorOf(deps, thrown));
}

/** What is said of whatever a call of a tool has thrown. */
export function errorOf({ bus, log }: Pick<AgentCallDeps, "bus" | "log">, thrown: unknown): ChatError {
  if (thrown instanceof ChatError) return thrown;
  // Whatever the broker's client throws while it is away means the same: try again.
  if (!bus.connected()) return new ChatError("OVERLOADED", { cause: thrown, retryAfterMs: 1_000 });
  log.warn({ err: thrown }, "a call of a tool failed");
  return toChatError(thrown);
}

function parse<T extends z.ZodType>(schema: T, given: unknown): z.output<T> {
  const { data, error } = schema.safeParse(given ?? {});
  if (error === undefined) return data;
  const problem = problemOf(error, given, "the arguments");
  throw new ChatError("INVALID_FRAME", { message: `The arguments are not valid: ${problem}.` });
}

async function questionIn({ deps, call, ctx, given }: ToolCalling, { name: agent }: AgentChoice): Promise<Question> {
  const { caller } = call;
  const { message, conversation_id: name } = parse(AgentArguments, given);
  const { data: id } = MessageName.safeParse(ctx.mcpReq._meta?.[idKey]);
  const begin = () =>
    id === undefined
      ? newConversationId()
      : sessionConversation(caller.user.id, JSON.stringify(["mcp", id]), caller.tenant);
  const conversation_id =
    name === undefined ? begin() : await conversationOfSession(deps.ownership.isOwn, caller, name);
  return { type: "message", id: id ?? `mcp-${randomUUID()}`, message, conversation_id, agent, on_busy: "enqueue" };
}

/** Nobody waits for its end any longer, and it goes on. */
const goesOn: ReadonlySet<ErrorCode> = new Set(["MODEL_TIMEOUT", "SHUTTING_DOWN", "OVERLOADED"]);

/** To its end, to a question, or to where it becomes a task. */
async function settle(calling: Calling, target: StreamTarget, tellsWait?: LookHow["tellsWait"]): Promise<Result> {
  const { deps, call, ctx, stops } = calling;
  const { knowsTasks } = abilitiesOf(ctx);
  const progress = createProgress(ctx);
  const place = "place" in target ? target.place : placeOf(calling, target.question);
  const named = call.era === "legacy" && stops ? numbered(call, ctx.mcpReq.id) : undefined;
  let isAccepted = "place" in target;
  try {
    const settled = await lookAt(deps, call, target, {
      gone: ctx.mcpReq.signal,
      stops: stops && call.era === "modern",
      ...(knowsTasks ? { withinMs: taskAfterMs } : {}),
      ...(tellsWait === undefined ? {} : { tellsWait }),
      onAccepted() {
        isAccepted = true;
        if (named !== undefined) deps.running.begun(named, place);
      },
      onSteps: progress.onSteps,
    });
    return await answerOrAsk(calling, settled);
  } catch (thrown) {
    if (thrown instanceof StillRunning) {
      const times = { createdMs: await begunMs(deps, place), updatedMs: Date.now() };
      return { ...workingTask(place, times, progress.last), resultType: "task", content: [] };
    }
    const error = toChatError(thrown);
    if (!isAccepted || !goesOn.has(error.code)) throw thrown;
    return failedResult(error, whereOf(deps, call, place));
  } finally {
    if (named !== undefined) deps.running.ended(named, place);
  }
}

function placeOf({ deps, call }: ToolCalling, { conversation_id, id }: Question): TurnPlace {
  return deps.streams.placeOf(call.caller, conversation_id, id);
}

function answer({ deps, call }: ToolCalling, { turn, place }: Settled): McpResult {
  return resultOf(turn, whereOf(deps, call, place));
}

const noProblems: Decisions["problems"] = new Map();

async function answerOrAsk(calling: Calling, settled: Settled, problems = noProblems): Promise<Result> {
  const { deps, call, ctx } = calling;
  const { turn, place } = settled;
  const canAsk = call.era === "modern" && abilitiesOf(ctx).canAsk && turn.outcome === undefined;
  const asked = canAsk ? askableCalls(turn) : [];
  if (asked.length === 0) return answer(calling, settled);
  return inputRequired({
    inputRequests: Object.fromEntries(asked.map((one) => [one.call_id, elicit(one, problems.get(one.call_id))])),
    requestState: await deps.states.mint(call, place, ctx),
  });
}

function elicit(call: ToolCallPart, problem: string | undefined) {
  return inputRequired.elicit({ mode: "form", ...questionOf(call, problem) });
}

/** The client is back with its user's answers. What they did not say is asked again; what they closed stays open in Parley. */
async function goOn(calling: Calling, place: TurnPlace): Promise<Result> {
  const { deps, call, ctx, stops } = calling;
  const settled = await lookAt(deps, call, { place }, { gone: ctx.mcpReq.signal, stops });
  const calls = settled.turn.outcome === undefined ? askableCalls(settled.turn) : [];
  if (calls.length === 0) return answer(calling, settled);
  const responses = ctx.mcpReq.inputResponses ?? {};
  const { decided, problems, closed } = await decide(deps, call, place.conversation_id, { calls, responses });
  if (closed.size > 0) return answer(calling, settled);
  const isLeft = (part: Part): boolean => !isToolCall(part) || !decided.has(part.call_id);
  if (calls.some((one) => isLeft(one))) {
    const turn = { ...settled.turn, parts: settled.turn.parts.filter(isLeft) };
    return answerOrAsk(calling, { place, turn }, problems);
  }
  // What was decided is not asked about again, also where it is not seen to be decided yet.
  return settle(calling, { place }, (waiting) => waiting.some((one) => isLeft(one)));
}
