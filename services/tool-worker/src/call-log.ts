import { fitResult, type Bus } from "@parley/bus";
import {
  ChatError,
  encodeEvent,
  fitToolCallEnd,
  limits,
  subjects,
  type FinishedToolCall,
  type StoredEvent,
  type ToolCallEndEvent,
  type ToolJob,
} from "@parley/protocol";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import { idsOf } from "./call-ids.ts";
import { toPlainText } from "./plain-text.ts";
import { cutBytes } from "./result-text.ts";

export interface CallLogDeps {
  readonly bus: Pick<Bus, "events" | "nc">;
  /** Name of this process, unique. */
  readonly worker: string;
  readonly log: Logger;
}

/** What a call came to: the rest of its result event is known from the job. */
export type CallOutcome = Pick<FinishedToolCall, "status" | "result" | "duration_ms" | "truncated">;

export type CallLog = ReturnType<typeof createCallLog>;

/** How long a result is kept while the broker is away. A write must not be forgotten lightly: it cannot be run again to find out. */
const KEEP_RESULT_MS = 120_000;
/** How long the start of a call waits for the broker. */
const READ_DEADLINE_MS = 15_000;
const PROGRESS_BYTES = 1_000;

type CallKind = "toolResult" | "toolBegun" | "toolProgress";

/** What is stored about a call in the event log. */
export function createCallLog({ bus: { events, nc }, worker, log }: CallLogDeps) {
  const subjectOf = (kind: CallKind, { conversation_id, turn_id, call_id }: ToolJob): string =>
    subjects[kind](events.shardOf(conversation_id), conversation_id, turn_id, call_id);
  const common = ({ conversation_id, turn_id }: ToolJob) => ({ conversation_id, turn_id, ts: Date.now() });

  const exists = async (subject: string): Promise<boolean> => (await events.last(subject)) !== undefined;
  const hasResult = (job: ToolJob): Promise<boolean> => exists(subjectOf("toolResult", job));
  const isCancelled = ({ conversation_id, turn_id }: ToolJob): Promise<boolean> =>
    exists(subjects.control(events.shardOf(conversation_id), conversation_id, turn_id));

  return {
    hasResult,
    isCancelled,

    /** What is known before a call begins. Waits through short broker trouble, then throws: the call may be added again. */
    async look(job: ToolJob): Promise<"open" | "finished" | "cancelled"> {
      const [finished, cancelled] = await retried(() => Promise.all([hasResult(job), isCancelled(job)]));
      if (finished) return "finished";
      return cancelled ? "cancelled" : "open";
    },

    /** Claims the one execution that a write may have. `since`: when whoever won began, by its clock. */
    async begin(job: ToolJob): Promise<{ won: boolean; sinceMs: number }> {
      const event: StoredEvent = { type: "tool_begun", ...common(job), call_id: job.call_id, worker };
      const { won, event: first } = await events.writeOnce(subjectOf("toolBegun", job), event);
      return { won, sinceMs: "ts" in first ? first.ts : Date.now() };
    },

    /** Stores the result; `false`: another one was first, and this one is dropped. Holds on through broker trouble, then throws. */
    async finish(job: ToolJob, outcome: CallOutcome): Promise<boolean> {
      const { call_id, tool_name, arguments: args } = job;
      const event: ToolCallEndEvent = {
        type: "tool_call_end",
        ...common(job),
        call_id,
        tool_name,
        arguments: args,
        ...outcome,
      };
      const shorten = (maxBytes: number): StoredEvent => fitToolCallEnd(event, maxBytes);
      return keepTrying(
        async () => (await events.writeOnce(subjectOf("toolResult", job), event, shorten)).won,
        () => log.warn(idsOf(job), "a result waits for the broker"),
      );
    },

    /** A line for the viewers. Nobody waits for it and it may get lost. */
    progress(job: ToolJob, text: string): void {
      const message = cutBytes(toPlainText(text), PROGRESS_BYTES);
      const event: StoredEvent = { type: "tool_call_progress", ...common(job), call_id: job.call_id, message };
      try {
        nc.publish(subjectOf("toolProgress", job), encodeEvent(event));
      } catch (err) {
        log.debug({ err, ...idsOf(job) }, "progress could not be published");
      }
    },
  };
}

/** The parts of an outcome that come from the tool's own text, made fit for the log. */
export function outcomeOf(
  status: CallOutcome["status"],
  output: { text: string; truncated?: boolean },
  durationMs: number,
): CallOutcome {
  const { text, truncated = false } = fitResult({ ...output, text: toPlainText(output.text) }, limits.toolResultBytes);
  return { status, result: text, duration_ms: Math.round(durationMs), ...(truncated ? { truncated } : {}) };
}

/** `write` itself tries for a while, so there is no further pause. */
async function keepTrying<T>(write: () => Promise<T>, onTrouble: () => void): Promise<T> {
  const keepUntil = performance.now() + KEEP_RESULT_MS;
  for (;;) {
    try {
      return await write();
    } catch (err) {
      const isBrokerTrouble = err instanceof ChatError && err.code === "OVERLOADED";
      if (!isBrokerTrouble || performance.now() > keepUntil) throw err;
      onTrouble();
    }
  }
}

async function retried<T>(read: () => Promise<T>): Promise<T> {
  const backoff = createBackoff({ minMs: 50, maxMs: 1_000 });
  const deadline = performance.now() + READ_DEADLINE_MS;
  for (;;) {
    try {
      return await read();
    } catch (err) {
      if (performance.now() > deadline) throw err;
    }
    await sleep(backoff.nextMs());
  }
}
