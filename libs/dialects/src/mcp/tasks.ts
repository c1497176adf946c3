import { pendingCallsOf, type TurnView } from "@parley/protocol";
import type { TurnPlace } from "../turn-watch.ts";
import { taskIdOf } from "./addresses.ts";
import { askableCalls, questionOf, type McpQuestion } from "./elicitation.ts";
import { resultOf, type McpResult, type Whereabouts } from "./encode.ts";

/** A turn as a task of the extension `io.modelcontextprotocol/tasks`. */

export const tasksExtension = "io.modelcontextprotocol/tasks";

/** How often a client is asked to look. */
const taskPollMs = 1_000;
/** How long its facts are kept; its answer stays in the transcript. */
const taskTtlMs = 7 * 24 * 60 * 60_000;

export type McpTask = {
  taskId: string;
  status: "working" | "input_required" | "completed" | "cancelled";
  statusMessage?: string;
  createdAt: string;
  lastUpdatedAt: string;
  ttlMs: number;
  pollIntervalMs: number;
};

type Detailed = McpTask & {
  result?: McpResult & { resultType: "complete" };
  inputRequests?: Record<string, { method: "elicitation/create"; params: { mode: "form" } & McpQuestion }>;
};

export interface TaskTimes {
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** `message`: what was told of it last. */
export function workingTask(place: TurnPlace, { createdMs, updatedMs }: TaskTimes, message = ""): McpTask {
  return {
    taskId: taskIdOf(place),
    status: "working",
    ...(message === "" ? {} : { statusMessage: message }),
    createdAt: new Date(createdMs).toISOString(),
    lastUpdatedAt: new Date(updatedMs).toISOString(),
    ttlMs: taskTtlMs,
    pollIntervalMs: taskPollMs,
  };
}

/** Of a turn that has ended, or waits for people. `canAsk`: its client can ask its user. */
export function settledTask(turn: TurnView, where: Whereabouts, times: TaskTimes, canAsk: boolean): Detailed {
  const task = workingTask(where, times);
  if (turn.outcome?.type === "cancelled")
    return { ...task, status: "cancelled", statusMessage: "The answer was stopped." };
  if (turn.outcome !== undefined)
    return { ...task, status: "completed", result: { ...resultOf(turn, where), resultType: "complete" } };
  const asked = canAsk ? askableCalls(turn) : [];
  if (asked.length === 0) return { ...task, statusMessage: waitingLine(turn, where) };
  const inputRequests = Object.fromEntries(
    asked.map((call) => [
      call.call_id,
      { method: "elicitation/create" as const, params: { mode: "form" as const, ...questionOf(call) } },
    ]),
  );
  return { ...task, status: "input_required", statusMessage: waitingLine(turn, where), inputRequests };
}

function waitingLine(turn: TurnView, { address }: Whereabouts): string {
  const names = pendingCallsOf(turn).map(({ tool_name }) => tool_name);
  return `Waits for a person's word on ${names.join(", ")}. It can also be decided in Parley at ${address}.`;
}
