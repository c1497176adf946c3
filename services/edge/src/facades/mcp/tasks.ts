import {
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server";
import {
  askableCalls,
  placeOfMcpTask,
  settledTask,
  tasksExtension,
  workingTask,
  type TurnPlace,
} from "@parley/dialects";
import { toChatError } from "@parley/protocol";
import { z } from "zod";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Settled } from "../../transport/turn-streams.ts";
import { abilitiesOf, whereOf, type McpCall } from "./call.ts";
import { decide } from "./decisions.ts";
import { createProgress } from "./progress.ts";
import { begunMs, lookAt, StillRunning, stop } from "./turns.ts";

export type TaskDeps = Pick<FacadeDeps, "streams" | "commands" | "bus" | "origin" | "log">;

/** A task is looked at for so long when a client asks: what happens meanwhile is told without another round. */
const lookMs = 500;

/** Read only when it is known that the client may ask at all: what it lacks then comes first. */
const AnyParams = z.looseObject({ taskId: z.unknown().optional(), inputResponses: z.unknown().optional() });
const Responses = z.record(z.string(), z.unknown());

/** `tasks/get`, `tasks/update` and `tasks/cancel`. Nothing is kept here: a task is its turn, which any edge knows. */
export function serveTasks(server: McpServer["server"], deps: TaskDeps, call: McpCall): void {
  const gone = new AbortController().signal;

  server.setRequestHandler("tasks/get", { params: AnyParams }, async ({ taskId }, ctx) => {
    const place = placeIn(taskId, ctx);
    const progress = createProgress(undefined);
    const { onSteps } = progress;
    const [settled, createdMs] = await Promise.all([
      lookAt(deps, call, { place }, { gone, stops: false, withinMs: lookMs, onSteps }).catch(orRunning),
      begunMs(deps, place),
    ]);
    if (settled === undefined) return workingTask(place, { createdMs, updatedMs: Date.now() }, progress.last);
    const times = { createdMs, updatedMs: await updatedMs(deps, settled, createdMs) };
    return settledTask(settled.turn, whereOf(deps, call, place), times, abilitiesOf(ctx).canAsk);
  });

  server.setRequestHandler("tasks/update", { params: AnyParams }, async ({ taskId, inputResponses }, ctx) => {
    const place = placeIn(taskId, ctx);
    const { data: responses } = Responses.safeParse(inputResponses);
    if (responses === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, "inputResponses is missing.");
    const settled = await lookAt(deps, call, { place }, { gone, stops: false, withinMs: lookMs }).catch(orRunning);
    const calls = settled === undefined || settled.turn.outcome !== undefined ? [] : askableCalls(settled.turn);
    const { problems } = await decide(deps, call, place.conversation_id, { calls, responses }).catch(refuse);
    const [problem] = problems.values();
    if (problem !== undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, problem);
    return {};
  });

  server.setRequestHandler("tasks/cancel", { params: AnyParams }, async ({ taskId }, ctx) => {
    const place = placeIn(taskId, ctx);
    // That it is known is asked first: that it has ended is no error.
    await lookAt(deps, call, { place }, { gone, stops: false, withinMs: 1 }).catch(orRunning);
    await stop(deps.commands, call.caller, place).catch(refuse);
    return {};
  });
}

/** Throws where the client has not said that it knows tasks, and where there is no such task. */
function placeIn(taskId: unknown, ctx: ServerContext): TurnPlace {
  if (!abilitiesOf(ctx).knowsTasks)
    throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { extensions: { [tasksExtension]: {} } } });
  const place = typeof taskId === "string" ? placeOfMcpTask(taskId) : undefined;
  if (place === undefined) throw unknownTask();
  return place;
}

function unknownTask(): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, "There is no such task.");
}

/** Undefined: it goes on. Others' tasks are as unknown as those that never were. */
function orRunning(thrown: unknown): Settled | undefined {
  if (thrown instanceof StillRunning) return undefined;
  return refuse(thrown);
}

function refuse(thrown: unknown): never {
  const { code, message, retryAfterMs: retry_after_ms } = toChatError(thrown);
  if (code === "NOT_FOUND" || code === "FORBIDDEN") throw unknownTask();
  const data = retry_after_ms === undefined ? undefined : { retry_after_ms };
  throw new ProtocolError(ProtocolErrorCode.InternalError, message, data);
}

async function updatedMs({ bus }: TaskDeps, { turn, place }: Settled, createdMs: number): Promise<number> {
  if (turn.outcome === undefined) return Date.now();
  const stored = await bus.transcripts.find(place.conversation_id, place.turn_id, createdMs).catch(() => undefined);
  return stored?.answer?.ts ?? Date.now();
}
