import type { Logger } from "@parley/runtime";
import { endOf, type Call, type CallEnd } from "./call-end.ts";
import { createStopper, execute, stopByQueue, type Execution, type Stopper } from "./execution.ts";
import type { Tool, ToolContext } from "./tools/tool.ts";

export interface TryOut {
  readonly call: Call;
  readonly tool: Tool;
  /** What is tried out, as the beginning of a sentence. */
  readonly what: string;
  readonly timeoutMs: number;
  readonly log: Logger;
}

/** What the parts of a tool get that run before it, or in it. */
export function contextOf({ job, stopper }: Pick<Call, "job" | "stopper">): ToolContext {
  const { call_id: callId, user, caller } = job;
  return { callId, user, caller, signal: stopper.signal, progress: () => {} };
}

/**
 * Runs a part of a tool that changes nothing, for what it says; or how the call ends, as its read would. It may run again and elsewhere, and is stopped with the
 * call.
 */
export async function tryOut<T>(
  { call, tool, what, timeoutMs, log }: TryOut,
  part: (context: ToolContext) => Promise<T>,
): Promise<{ readonly value: T } | CallEnd> {
  const { job, run } = call;
  const stopper = createStopper();
  const release = [followStopper(call.stopper, stopper), stopByQueue(stopper, "read", run)];
  const shortestMs = Math.min(job.timeout_ms, tool.definition.timeout_ms, timeoutMs);
  const context = contextOf({ job, stopper });
  const startedAt = performance.now();
  const said: { value: T }[] = [];
  const running = {
    run: async (): Promise<{ text: string }> => {
      said.push({ value: await part(context) });
      return { text: "" };
    },
  };
  try {
    const execution = await execute({ call: running, context, stopper, timeoutMs: shortestMs, log });
    const [first] = said;
    if (isDone(execution) && first !== undefined) return first;
    const named = { ...tool.definition, effect: "read" as const, name: `${what} ${tool.definition.name}` };
    return endOf(execution, named, shortestMs, performance.now() - startedAt);
  } finally {
    for (const end of release) end();
  }
}

function isDone(execution: Execution): boolean {
  return execution.kind === "settled" && execution.status === "completed";
}

/** Stops the second when the first is stopped. Returns how to end that. */
function followStopper(first: Stopper, second: Stopper): () => void {
  const onAbort = (): void => second.stop(first.by() ?? "stopped");
  if (first.signal.aborted) onAbort();
  first.signal.addEventListener("abort", onAbort);
  return () => first.signal.removeEventListener("abort", onAbort);
}
