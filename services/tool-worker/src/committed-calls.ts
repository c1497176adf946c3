import { isDeepStrictEqual } from "node:util";
import type { Bus } from "@parley/bus";
import { decodeEvent, subjects, type ReadEvent, type StepCall, type ToolJob } from "@parley/protocol";
import { callerHash, callHash } from "@parley/protocol/approval-hash";
import { retried } from "./broker-patience.ts";
import { addressOf } from "./call-ids.ts";

/**
 * Why a job is not a call that was committed. `no_step`: no step of its turn has it, or not any more; `other_call`: its step has it as another tool's, or as one
 * that may not run; `arguments`, `caller`: the step says others; `other_question`: a person was asked about something else.
 */
export type Unverified = "no_step" | "other_call" | "arguments" | "caller" | "other_question";

export type Verification =
  /** The job as it is to be believed. */
  | { readonly state: "committed"; readonly job: ToolJob }
  | { readonly state: "not committed"; readonly why: Unverified };

export type CommittedCalls = ReturnType<typeof createCommittedCalls>;

/** How far a step is looked for behind the last event of its turn, of jobs that do not say where it is. Each costs one look-up. */
const mostLooks = 256;

interface FoundStep {
  readonly call: StepCall;
  readonly callerHash: string | undefined;
}

/**
 * Whether a job is what an agent worker committed (docs/adr/0022). Whoever can write to Redis can add any job; only an agent worker can write a step. So the call is
 * read from its step, by the word of the stream's leader, and of the job nothing is believed but where to look, and how long it may take.
 */
export function createCommittedCalls({ events, facts }: Pick<Bus, "events" | "facts">) {
  const stepAt = async (job: ToolJob, seq: number): Promise<FoundStep | undefined> => {
    const shard = events.shardOf(job.conversation_id);
    const found = await events.atFromLeader(shard, seq);
    if (found?.subject !== subjects.agent(shard, job.conversation_id, job.turn_id)) return undefined;
    return stepOf(found.event, job);
  };

  /** Agent workers of the version before do not say where the step is: it is among the last events of its turn, as its calls were just committed. */
  const lookBack = async (job: ToolJob): Promise<FoundStep | undefined> => {
    const shard = events.shardOf(job.conversation_id);
    const last = await events.storedFromLeader(subjects.agent(shard, job.conversation_id, job.turn_id));
    if (last === undefined) return undefined;
    const found = stepOf(decodeEvent(last.data), job);
    if (found !== undefined) return found;
    for (let seq = last.seq - 1; seq > Math.max(0, last.seq - mostLooks); seq--) {
      const step = await stepAt(job, seq);
      if (step !== undefined) return step;
    }
    return undefined;
  };

  const byStep = async (job: ToolJob): Promise<Verification> => {
    const atHint = job.step_seq === undefined ? undefined : await stepAt(job, job.step_seq);
    const found = atHint ?? (await lookBack(job));
    if (found !== undefined) return compare(job, found);
    // A full stream may have dropped the step of a call that runs: whoever took its licence has seen it.
    const begun = await facts.read("begun", addressOf(job));
    const isBegun = begun?.kind === "begun" && begun.call_hash === callHash(job);
    return isBegun ? { state: "committed", job } : { state: "not committed", why: "no_step" };
  };

  /** A person may take a day, and events are forgotten after half an hour: what was asked, when the step was there, says the same. */
  const byQuestion = async (job: ToolJob): Promise<Verification> => {
    const asked = await facts.readStored("asked", addressOf(job));
    const hash = asked?.fact.kind === "asked" ? asked.fact.call_hash : undefined;
    if (hash !== undefined)
      return hash === callHash(job) ? { state: "committed", job } : { state: "not committed", why: "other_question" };
    const step = await byStep(job);
    // Without a question nobody has agreed to anything: then only a step says that there is such a call.
    if (asked === undefined || step.state === "committed" || step.why !== "no_step") return step;
    // Asked by an older version: the hash of what was shown decides.
    return { state: "committed", job };
  };

  return {
    /** `go`: a person has agreed to it. Waits through short broker trouble, then throws. */
    verify: (job: ToolJob, { go }: { readonly go: boolean }): Promise<Verification> =>
      retried(() => (go ? byQuestion(job) : byStep(job))),
  };
}

function stepOf(event: ReadEvent, { call_id }: ToolJob): FoundStep | undefined {
  if (event.type !== "step") return undefined;
  const call = event.tool_calls.find((one) => one.call_id === call_id);
  return call && { call, callerHash: event.caller_hash };
}

function compare(job: ToolJob, { call, callerHash: hash }: FoundStep): Verification {
  const { tool_name, arguments: args, problem } = call;
  if (tool_name !== job.tool_name || problem !== undefined) return { state: "not committed", why: "other_call" };
  if (!isDeepStrictEqual(args, job.arguments)) return { state: "not committed", why: "arguments" };
  // A step of the version before does not say whose it is.
  if (hash !== undefined && hash !== callerHash(job)) return { state: "not committed", why: "caller" };
  return { state: "committed", job };
}
