import type { Bus, ToolQueue } from "@parley/bus";
import {
  decodeEvent,
  parseEventSubject,
  subjects,
  toolQueueName,
  unknownEffect,
  type StepCall,
  type ToolDefinition,
} from "@parley/protocol";
import { sleep, traceNames, type Logger, type TraceSpan } from "@parley/runtime";
import { createApprovals, type ApprovalDeps, type Approvals } from "./approvals.ts";
import { createToolResults, type CallsOfTurn, type ResultText, type ToolResults } from "./tool-results.ts";
import { foldEvent, stepSeqOf } from "./turn-fold.ts";

export interface ToolCallsDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "turns">;
  readonly queue: ToolQueue;
  /** Unique to this process. */
  readonly worker: string;
  readonly log: Logger;
  /** How long a call may wait for a free tool worker, on top of the tool's own time. */
  readonly queueWaitMs: number;
  readonly onDecided: ApprovalDeps["onDecided"];
}

export interface ToolRun extends CallsOfTurn {
  readonly calls: readonly StepCall[];
  /** Looks a tool up by its name or alias. */
  readonly definitionOf: (name: string) => ToolDefinition | undefined;
  /** Cancel, hand-over or fencing. */
  readonly signal: AbortSignal;
  /** Of the turn. */
  readonly span: TraceSpan;
}

export type ToolCalls = ReturnType<typeof createToolCalls>;

/** How often a waiting call looks whether its result was missed or its job was lost. */
const rereadMs = 1_000;
/** A tool that was offered when the step was committed, but is announced by nobody now. */
const unknownToolMs = 30_000;

function openCalls({ calls, fold }: ToolRun): StepCall[] {
  return calls.filter((call) => !fold.results.has(call.call_id));
}

/** Whether a person may have to agree to it. Of a tool that nobody announces now nobody can say. */
function mayAsk({ definitionOf }: ToolRun, { tool_name }: StepCall): boolean {
  const definition = definitionOf(tool_name);
  return definition === undefined || definition.approval === "required";
}

/** Calls back when something about a call came live: its result, or that a person has to agree to it. */
function listen(run: ToolRun, calls: readonly StepCall[], { events }: Pick<Bus, "events">) {
  const { conversation_id, turn_id } = run.request;
  const arrivals = new Map(calls.map((call) => [call.call_id, new AbortController()]));
  const shard = events.shardOf(conversation_id);
  const asks = calls.some((call) => mayAsk(run, call));
  const channels = [
    subjects.liveToolResults(shard, conversation_id, turn_id),
    ...(asks ? [subjects.liveApprovalRequests(shard, conversation_id, turn_id)] : []),
  ];
  const subscriptions = channels.map((subject) =>
    events.subscribe(subject, (message) => {
      foldEvent(run.fold, message.seq, decodeEvent(message.data));
      arrivals.get(parseEventSubject(message.subject)?.channel.split(".")[1] ?? "")?.abort();
    }),
  );
  return {
    arrivalOf: ({ call_id }: StepCall): AbortSignal => arrivals.get(call_id)?.signal ?? run.signal,
    stop(): void {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}

/**
 * Runs the calls of one committed step side by side, and returns when each has a result in the log or waits for a person, or the signal is aborted. The
 * result is written by the tool worker, by this one (bad call, deadline, cancel, denied), or was there before a takeover: whoever wrote first.
 */
export function createToolCalls({ bus, queue, worker, log, queueWaitMs, onDecided }: ToolCallsDeps) {
  const { events } = bus;
  const results = createToolResults({ bus, worker, log });
  const approvals = createApprovals({ bus, onDecided });
  const giveUp = createGivingUp(results);
  const runCall = createCallRun({ results, approvals, giveUp, queue, log, queueWaitMs });

  const runSome = async (run: ToolRun, calls: readonly StepCall[]): Promise<void> => {
    if (calls.length === 0) return;
    const listening = listen(run, calls, bus);
    try {
      // The subscription must be at the broker before a job can be anywhere.
      await events.flush();
      await Promise.all(calls.map((call) => runCall(run, call, listening.arrivalOf(call))));
    } finally {
      listening.stop();
    }
  };
  const askedIn = (run: ToolRun): StepCall[] => openCalls(run).filter(({ call_id }) => run.fold.asked.has(call_id));
  /** Also those that have ended: what was said of them is in no event any more. */
  const allAskedIn = ({ fold }: ToolRun): StepCall[] =>
    fold.steps.flatMap(({ calls }) => calls.filter(({ call_id }) => fold.asked.has(call_id)));

  return {
    /** Returns the calls to which a person has to agree, and nobody has said a word yet; all others have their results. */
    async runAll(run: ToolRun): Promise<StepCall[]> {
      await approvals.look(run, run.fold.forgotten ? allAskedIn(run) : askedIn(run));
      for (;;) {
        const ready = openCalls(run).filter((call) => approvals.verdict(run, call)?.kind !== "undecided");
        await runSome(run, ready);
        const asked = askedIn(run);
        // Somebody may have decided while the others ran.
        if (run.signal.aborted || asked.length === 0 || !(await approvals.look(run, asked))) return asked;
      }
    },

    settle: results.settle,
    /** Ends calls that would have had to wait for a person, without one. */
    async refuse(run: ToolRun, calls: readonly StepCall[], sentence: string): Promise<void> {
      await Promise.all(
        calls.map((call) => results.settle(run, call, { status: "failed", result: sentence, durationMs: 0 })),
      );
    },

    /** Gives every call that is still open an end, and drops work that has not begun. */
    async cancelOpen(run: ToolRun): Promise<void> {
      const cancelled = { status: "cancelled" as const, result: "Cancelled.", durationMs: 0 };
      // Whoever took the turn over to end it has not asked yet what people were asked: the record has it, as who looked on had it.
      const unknown = askedIn(run).filter(({ call_id }) => !run.fold.approvals.has(call_id));
      if (unknown.length > 0) await approvals.look(run, unknown);
      await Promise.all(
        openCalls(run).map(async (call) => {
          // A job that stays queued does no harm: its worker looks for a result first.
          await queue.remove(call.call_id).catch((err: unknown) => log.debug({ err }, "a cancelled call stays queued"));
          await giveUp(run, call, cancelled);
        }),
      );
    },
  };
}

type GiveUp = (run: ToolRun, call: StepCall, end: ResultText) => Promise<void>;

/** What a tool worker that was told to stop needs to say what it did: known is better than unknown. */
const lastWordMs = 600;
const lastWordEveryMs = 50;

/**
 * Ends a call without its tool's word. One that changes something, or that nobody can say it of, may have been run: only who has its licence knows
 * that it was not, and never will be. Else nobody knows what it did, unless its tool worker says so at once.
 */
function createGivingUp(results: ToolResults): GiveUp {
  return async (run, call, end) => {
    const isRead = run.definitionOf(call.tool_name)?.effect === "read";
    if (isRead || call.problem !== undefined || (await results.bar(run, call))) return results.settle(run, call, end);
    const deadline = performance.now() + lastWordMs;
    while (performance.now() < deadline) {
      if (await results.find(run, call)) return;
      await sleep(lastWordEveryMs);
    }
    await results.settle(run, call, {
      ...end,
      status: "unknown",
      result: unknownEffect(`${end.result.charAt(0).toLowerCase()}${end.result.slice(1)}`),
    });
  };
}

type QueueTrouble = "cannot be reached" | "has no room";

/** Redis at its `maxmemory`, or unable to write its data to a full disk. */
function troubleOf(error: unknown): QueueTrouble {
  return error instanceof Error && /^(?:OOM|MISCONF)\b/.test(error.message) ? "has no room" : "cannot be reached";
}

type CallRunDeps = Pick<ToolCallsDeps, "queue" | "log" | "queueWaitMs"> & {
  readonly results: ToolResults;
  readonly approvals: Approvals;
  readonly giveUp: GiveUp;
};

/** One call that waits for its result. */
interface Waiting {
  readonly run: ToolRun;
  readonly call: StepCall;
  readonly timeoutMs: number;
  /** Aborted when the result came live. */
  readonly arrived: AbortSignal;
  /** A person has agreed to it. */
  readonly go: boolean;
  /** Until the call is queued; the tool worker goes on from it. */
  readonly sending: TraceSpan;
}

function sendingSpan({ span, request }: ToolRun, { call_id, tool_name }: StepCall): TraceSpan {
  return span.child({
    name: `send ${toolQueueName}`,
    kind: "producer",
    attributes: {
      [traceNames.messagingSystem]: "bullmq",
      [traceNames.messagingOperation]: "send",
      [traceNames.messagingOperationType]: "send",
      [traceNames.destination]: toolQueueName,
      [traceNames.messageId]: call_id,
      [traceNames.tool]: tool_name,
      [traceNames.toolCall]: call_id,
      [traceNames.conversation]: request.conversation_id,
    },
  });
}

/** Undefined: it is queued. Redis may be away or full: the caller tries again until its deadline. Adding twice is harmless. */
function createEnqueue({ queue, log }: Pick<ToolCallsDeps, "queue" | "log">) {
  return async ({
    run: { request, fold },
    call,
    timeoutMs,
    go,
    sending,
  }: Waiting): Promise<QueueTrouble | undefined> => {
    const { conversation_id, turn_id, user, caller } = request;
    const rights = caller === undefined ? {} : { caller };
    const stepSeq = stepSeqOf(fold, call);
    const { call_id, tool_name, arguments: args } = call;
    const { traceparent } = sending;
    const trace = traceparent === undefined ? {} : { trace: traceparent };
    const called = { v: 1 as const, call_id, tool_name, arguments: args, conversation_id, turn_id, user };
    const job = { ...called, ...rights, ...(stepSeq === undefined ? {} : { step_seq: stepSeq }), ...trace };
    try {
      await queue.add({ ...job, timeout_ms: timeoutMs }, { go });
      return undefined;
    } catch (err) {
      log.debug({ err, call_id }, "a tool call could not be queued yet");
      return troubleOf(err);
    }
  };
}

/** Waits for what one call comes to. */
function createWaitForResult({ results, approvals, queue, log, queueWaitMs }: Omit<CallRunDeps, "giveUp">) {
  const enqueue = createEnqueue({ queue, log });

  const isOver = async ({ run, call, go }: Waiting): Promise<boolean> => {
    if (run.fold.results.has(call.call_id) || (!go && run.fold.asked.has(call.call_id))) return true;
    if (await results.find(run, call)) return true;
    return !go && mayAsk(run, call) && approvals.isAsked(run, call);
  };

  /**
   * Returns what kept the call from ever being queued, if anything did; ends when its result is there, a person has to agree to it, its time is over, or
   * the run is stopped.
   */
  return async (waiting: Waiting): Promise<QueueTrouble | undefined> => {
    const { run, timeoutMs, arrived, sending } = waiting;
    const deadline = performance.now() + timeoutMs + queueWaitMs;
    let queued = false;
    let trouble: QueueTrouble | undefined = "cannot be reached";
    while (performance.now() < deadline && !run.signal.aborted) {
      trouble = await enqueue(waiting);
      if (trouble === undefined && !queued) sending.end();
      queued ||= trouble === undefined;
      if (!arrived.aborted) await sleep(rereadMs, AbortSignal.any([arrived, run.signal]));
      if (await isOver(waiting)) break;
    }
    if (queued) return undefined;
    sending.fail("not queued");
    sending.end();
    return trouble;
  };
}

/** Brings one call to its result, or to where a person has to agree to it. */
function createCallRun({ giveUp, ...deps }: CallRunDeps) {
  const { results, approvals, log } = deps;
  const waitForResult = createWaitForResult(deps);

  return async (run: ToolRun, call: StepCall, arrived: AbortSignal): Promise<void> => {
    const startedAt = performance.now();
    if (call.problem !== undefined) {
      return results.settle(run, call, { status: "failed", result: call.problem, durationMs: 0 });
    }
    const verdict = approvals.verdict(run, call);
    if (verdict !== undefined) await approvals.tell(run, call);
    if (verdict?.kind === "denied") {
      return results.settle(run, call, { status: "denied", result: verdict.result, durationMs: 0 });
    }
    const go = verdict !== undefined;
    const timeoutMs = run.definitionOf(call.tool_name)?.timeout_ms ?? unknownToolMs;
    const trouble = await waitForResult({ run, call, timeoutMs, go, arrived, sending: sendingSpan(run, call) });
    if (run.fold.results.has(call.call_id) || run.signal.aborted) return;
    if (!go && run.fold.asked.has(call.call_id)) return;
    const durationMs = performance.now() - startedAt;
    const late = { status: "timeout" as const, result: "The tool took too long.", durationMs };
    if (trouble === undefined) return giveUp(run, call, late);
    log.warn({ call_id: call.call_id }, `a tool call was not run: the tool queue ${trouble}`);
    await giveUp(run, call, { status: "failed", result: `The tool queue ${trouble}.`, durationMs });
  };
}
