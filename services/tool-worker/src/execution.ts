import type { JobRun } from "@parley/bus";
import { unknownEffect, type ToolDefinition, type ToolStatus } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import type { StoredOutput } from "./tool-files.ts";
import { NotDoneError, type PreparedCall, type ToolContext, ToolError, UnknownEffectError } from "./tools/tool.ts";

/** Why a running tool was stopped. */
export type Interruption =
  | "cancelled"
  | "timeout"
  /** A worker that closes: the call may run elsewhere. */
  | "closing"
  /** The queue no longer counts this worker as the one that has the job. */
  | "lock lost"
  /** The time for closing is over. */
  | "stopped";

export type Execution =
  /** `unexpected`: the tool itself does not know why it failed, nor what it did. */
  | { readonly kind: "settled"; readonly status: ToolStatus; readonly output: StoredOutput; readonly unexpected?: true }
  /** `notDone`: it never began, or the tool itself says that it has changed nothing. */
  | { readonly kind: "interrupted"; readonly by: Interruption; readonly notDone?: true };

/** Stops one execution; the first reason counts. */
export interface Stopper {
  readonly signal: AbortSignal;
  stop(by: Interruption): void;
  by(): Interruption | undefined;
}

export function createStopper(): Stopper {
  const controller = new AbortController();
  let reason: Interruption | undefined;
  return {
    signal: controller.signal,
    stop(by) {
      if (reason !== undefined) return;
      reason = by;
      controller.abort(new Error(`The call was stopped: ${by}.`));
    },
    by: () => reason,
  };
}

/**
 * Lets the queue stop a call. Only a read is stopped when the lock is lost or the worker closes, as it can run again elsewhere. A write
 * can never run again; stopping it half-way would only make its outcome unknown, so it may finish until the time for closing is over.
 */
export function stopByQueue(
  stopper: Stopper,
  effect: ToolDefinition["effect"],
  { closing, signal }: JobRun,
): () => void {
  const onClosing = (): void => {
    if (effect === "read") stopper.stop("closing");
  };
  const onSignal = (): void => {
    if (signal.reason === "stopped") stopper.stop("stopped");
    else if (effect === "read") stopper.stop("lock lost");
  };
  if (closing.aborted) onClosing();
  if (signal.aborted) onSignal();
  closing.addEventListener("abort", onClosing);
  signal.addEventListener("abort", onSignal);
  return () => {
    closing.removeEventListener("abort", onClosing);
    signal.removeEventListener("abort", onSignal);
  };
}

interface ExecutionDeps {
  readonly call: Extract<PreparedCall, { run: unknown }>;
  readonly context: ToolContext;
  readonly stopper: Stopper;
  readonly timeoutMs: number;
  /** How long a tool that was stopped may still say what it did. Default: not at all. */
  readonly lastWordMs?: number;
  readonly log: Logger;
}

/** Runs a tool until it ends or is stopped, whichever is first: one that does not listen to its signal is left behind. Never throws. */
export async function execute(deps: ExecutionDeps): Promise<Execution> {
  const { stopper, timeoutMs, lastWordMs = 0 } = deps;
  const timer = setTimeout(() => stopper.stop("timeout"), timeoutMs);
  try {
    if (stopper.signal.aborted) return { ...(await stopped(stopper)), notDone: true };
    const settling = settled(deps);
    const first = await Promise.race([settling, stopped(stopper)]);
    if (first.kind === "settled" || lastWordMs === 0) return first;
    return await Promise.race([settling, sleep(lastWordMs).then(() => first)]);
  } finally {
    clearTimeout(timer);
  }
}

type Interrupted = Extract<Execution, { kind: "interrupted" }>;

function stopped({ signal, by }: Stopper): Promise<Interrupted> {
  return new Promise((resolve) => {
    const onAbort = (): void => resolve({ kind: "interrupted", by: by() ?? "stopped" });
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

async function settled({ call, context, stopper, log }: ExecutionDeps): Promise<Execution> {
  try {
    return { kind: "settled", status: "completed", output: await call.run(context) };
  } catch (err) {
    const by = stopper.by();
    if (by !== undefined) return { kind: "interrupted", by, ...(err instanceof NotDoneError ? { notDone: true } : {}) };
    if (err instanceof UnknownEffectError)
      return { kind: "settled", status: "unknown", output: { text: unknownEffect(err.message) } };
    if (!(err instanceof ToolError)) log.error({ err, call_id: context.callId }, "a tool failed unexpectedly");
    const text = err instanceof ToolError ? err.message : "The tool failed for an internal reason.";
    const unexpected = err instanceof ToolError ? {} : { unexpected: true as const };
    return { kind: "settled", status: "failed", output: { text }, ...unexpected };
  }
}
