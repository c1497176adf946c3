import { FactsFullError, fitResult, loneToolCallEndOf, toolCallEndOf, type Bus, type ReadFact } from "@parley/bus";
import {
  encodeEvent,
  fitToolCallEnd,
  limits,
  shortArguments,
  subjects,
  unknownEffect,
  withFiles,
  type FactOf,
  type StoredEvent,
  type ToolCallEndEvent,
  type ToolJob,
} from "@parley/protocol";
import { callHash } from "@parley/protocol/approval-hash";
import type { Logger } from "@parley/runtime";
import { keepTrying, retried } from "./broker-patience.ts";
import { addressOf, idsOf, stamp } from "./call-ids.ts";
import { createApprovalLog } from "./approval-log.ts";
import { toPlainText } from "./plain-text.ts";
import { cutBytes } from "./result-text.ts";
import type { StoredOutput } from "./tool-files.ts";

export interface CallLogDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "nc">;
  /** Name of this process, unique. */
  readonly worker: string;
  readonly log: Logger;
}

/** What a call came to: the rest of its result is known from the job. */
export type CallOutcome = Pick<FactOf<"result">, "status" | "result" | "brief" | "duration_ms" | "truncated" | "files">;

export type CallLog = ReturnType<typeof createCallLog>;

/** `since`: when whoever won began, by its clock. `barred`: it was taken so that nobody runs the call. */
export type Licence = { readonly won: boolean; readonly sinceMs: number } | "no room" | "barred";

/** A licence that another execution has. */
export type Begun = { readonly sinceMs: number } | "barred";

const PROGRESS_BYTES = 1_000;
/** Of the arguments that a licence repeats. */
const LICENCE_ARGUMENT_BYTES = 2_048;

type CallKind = "toolResult" | "toolBegun" | "toolProgress";

interface CallStore {
  readonly events: Bus["events"];
  readonly facts: Bus["facts"];
  readonly log: Logger;
}

function subjectIn({ events }: Pick<CallStore, "events">) {
  return (kind: CallKind, { conversation_id, turn_id, call_id }: ToolJob): string =>
    subjects[kind](events.shardOf(conversation_id), conversation_id, turn_id, call_id);
}

/** The event of a result that nobody can read: there will be no other. */
function unreadableEnd({ call_id, tool_name, arguments: args, ...job }: ToolJob): ToolCallEndEvent {
  const result = unknownEffect("what it came to cannot be read.");
  const call = { call_id, tool_name, arguments: args, status: "unknown" as const, result, duration_ms: 0 };
  return { type: "tool_call_end", ...stamp({ call_id, tool_name, arguments: args, ...job }), ...call };
}

/** What is known of a call: by its facts, and by the events that older versions decide by. */
function createCallLooks({ events, facts }: CallStore) {
  const subjectOf = subjectIn({ events });
  const exists = async (subject: string): Promise<boolean> => (await events.last(subject)) !== undefined;
  const endOf = (job: ToolJob, fact: ReadFact<"result">): ToolCallEndEvent =>
    fact.kind === "result" ? toolCallEndOf(fact) : unreadableEnd(job);

  return {
    /** Whoever finds a result without its event writes the event: its worker was lost in between. */
    async hasResult(job: ToolJob): Promise<boolean> {
      const [isTold, fact] = await Promise.all([
        exists(subjectOf("toolResult", job)),
        facts.read("result", addressOf(job)),
      ]);
      if (isTold || fact === undefined) return isTold;
      const event = endOf(job, fact);
      const shorten = (maxBytes: number): StoredEvent => fitToolCallEnd(event, maxBytes);
      await events.ensureWritten(subjectOf("toolResult", job), event, shorten);
      return true;
    },

    async isCancelled(job: ToolJob): Promise<boolean> {
      const { conversation_id, turn_id } = job;
      const [isTold, fact] = await Promise.all([
        exists(subjects.control(events.shardOf(conversation_id), conversation_id, turn_id)),
        facts.read("cancel", { conversation: conversation_id, turn: turn_id }),
      ]);
      return isTold || fact !== undefined;
    },

    /** The licence of a write, by its fact or, of the version before, its event; undefined: nobody has it. */
    async begun(job: ToolJob): Promise<Begun | undefined> {
      const [told, fact] = await Promise.all([
        events.last(subjectOf("toolBegun", job)),
        facts.read("begun", addressOf(job)),
      ]);
      if (fact?.kind === "begun") return fact.barred === true ? "barred" : { sinceMs: fact.ts };
      if (fact === undefined && told === undefined) return undefined;
      return { sinceMs: told !== undefined && "ts" in told.event ? told.event.ts : Date.now() };
    },

    endOf,
  };
}

/** Stores what a call came to: the fact first, which decides, then the event, which tells. */
function createFinish({ events, facts, log }: CallStore, looks: ReturnType<typeof createCallLooks>) {
  const subjectOf = subjectIn({ events });

  /** Where there is no room for the whole, the beginning is better than nothing. */
  const withoutWhole = (job: ToolJob, fact: FactOf<"result">): ToolCallEndEvent => {
    log.warn(idsOf(job), "there was no room for a result's fact: only its event keeps it");
    return loneToolCallEndOf(fact);
  };

  return async (job: ToolJob, fact: FactOf<"result">): Promise<boolean> => {
    const counted = await facts.write(fact).catch((error: unknown) => {
      if (error instanceof FactsFullError) return undefined;
      throw error;
    });
    const event = counted === undefined ? withoutWhole(job, fact) : looks.endOf(job, counted.fact);
    const shorten = (maxBytes: number): StoredEvent => fitToolCallEnd(event, maxBytes);
    const told = await events.writeOnce(subjectOf("toolResult", job), event, shorten);
    return told.won && counted?.won !== false;
  };
}

/** Gives out the one execution that a write may have. */
function createBegin({ events, facts }: CallStore, worker: string) {
  const subjectOf = subjectIn({ events });

  /** So that workers of the version before, which decide by the event, do not run it either. */
  const tellBegun = async (job: ToolJob, ts: number): Promise<Licence> => {
    const event: StoredEvent = { type: "tool_begun", ...stamp(job), ts, call_id: job.call_id, worker };
    const { won, event: first } = await events.writeOnce(subjectOf("toolBegun", job), event);
    return { won, sinceMs: "ts" in first ? first.ts : Date.now() };
  };

  return async (job: ToolJob, as: Pick<FactOf<"begun">, "barred"> = {}): Promise<Licence> => {
    const { call_id, tool_name } = job;
    const args = shortArguments(job.arguments, LICENCE_ARGUMENT_BYTES);
    const called = { call_id, worker, tool_name, arguments: args, call_hash: callHash(job) };
    const fact: FactOf<"begun"> = { kind: "begun", v: 1, ...stamp(job), ...called, ...as };
    try {
      const { won, fact: first } = await facts.write(fact);
      if (won) return await tellBegun(job, fact.ts);
      if (first.kind !== "begun") return { won, sinceMs: Date.now() };
      return first.barred === true ? "barred" : { won, sinceMs: first.ts };
    } catch (error) {
      if (error instanceof FactsFullError) return "no room";
      throw error;
    }
  };
}

/** What is stored about a call. */
export function createCallLog({ bus: { events, facts, nc }, worker, log }: CallLogDeps) {
  const store: CallStore = { events, facts, log };
  const subjectOf = subjectIn(store);
  const looks = createCallLooks(store);
  const { hasResult, isCancelled } = looks;
  const finish = createFinish(store, looks);
  const begin = createBegin(store, worker);

  return {
    hasResult,
    isCancelled,
    approvals: createApprovalLog(store),

    /** What is known before a call begins. Waits through short broker trouble, then throws: the call may be added again. */
    async look(job: ToolJob): Promise<"open" | "finished" | "cancelled"> {
      const [finished, cancelled] = await retried(() => Promise.all([hasResult(job), isCancelled(job)]));
      if (finished) return "finished";
      return cancelled ? "cancelled" : "open";
    },

    /** Claims the one execution that a write may have. `no room`: nobody has it. */
    begin: (job: ToolJob) => begin(job),

    /** Takes it so that nobody runs the call. */
    bar: (job: ToolJob) => begin(job, { barred: true }),

    /** Who has it, if anybody. Waits through short broker trouble, then throws. */
    begun: (job: ToolJob): Promise<Begun | undefined> => retried(() => looks.begun(job)),

    /** When the call's licence was stored, by the broker's clock; undefined: there is none. Waits through short broker trouble, then throws. */
    begunMs: async (job: ToolJob): Promise<number | undefined> =>
      (await retried(() => facts.readStored("begun", addressOf(job))))?.storedMs,

    /** Stores the result; `false`: another one was first, and this one is dropped. Holds on through broker trouble, then throws. */
    async finish(job: ToolJob, outcome: CallOutcome): Promise<boolean> {
      const { call_id, tool_name, arguments: args } = job;
      const call = { call_id, tool_name, arguments: args, ...outcome };
      const fact: FactOf<"result"> = { kind: "result", v: 1, ...stamp(job), ...call };
      return keepTrying(
        () => finish(job, fact),
        () => log.warn(idsOf(job), "a result waits for the broker"),
      );
    },

    /** A line for the viewers. Nobody waits for it and it may get lost. */
    progress(job: ToolJob, text: string): void {
      const message = cutBytes(toPlainText(text), PROGRESS_BYTES);
      const event: StoredEvent = { type: "tool_call_progress", ...stamp(job), call_id: job.call_id, message };
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
  { text: said, brief, truncated: isPart = false, brought }: StoredOutput,
  durationMs: number,
): CallOutcome {
  const { text, truncated = isPart } = fitResult({ text: toPlainText(said) }, limits.factResultBytes);
  const read =
    brief === undefined ? {} : { brief: fitResult({ text: toPlainText(brief) }, limits.toolResultBytes).text };
  const rest = { ...(truncated ? { truncated } : {}), ...withFiles(brought) };
  return { status, result: text, ...read, duration_ms: Math.round(durationMs), ...rest };
}
