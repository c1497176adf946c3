import { readFile } from "node:fs/promises";
import { type Bus, createToolQueue, openBus, type ToolQueue } from "@parley/bus";
import {
  encodeEvent,
  streams,
  subjects,
  type FactOf,
  type StoredEvent,
  type ToolArguments,
  type ToolCallEndEvent,
  type ToolJob,
} from "@parley/protocol";
import { callerHash } from "@parley/protocol/approval-hash";
import { createLogger } from "@parley/runtime";
import { signedIn, type Broker, eventually } from "@parley/testkit";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const conversation = "c1";

/** Where the facts of a call are. */
export const addressOf = ({ conversation_id, turn_id: turn, call_id: call }: ToolJob) => ({
  conversation: conversation_id,
  turn,
  call,
});

type Step = Extract<StoredEvent, { type: "step" }>;

/** What an agent worker does with tools: it adds calls until their result is in the log. */
export interface Agent {
  readonly bus: Bus;
  readonly queue: ToolQueue;
  job(callId: string, tool: string, args?: ToolArguments): ToolJob;
  /** As a step that asks for this call, once; what is added after it says where that is. Calls are committed when they are added first. */
  commit(job: ToolJob, as?: Partial<Step>): Promise<ToolJob>;
  /** A word more in the turn's chain. */
  chainGoesOn(job: ToolJob): Promise<void>;
  /** As the event stream does after half an hour. */
  forgetEvents(): Promise<void>;
  add(job: ToolJob): Promise<void>;
  /** Adds a call that a person has decided on. */
  go(job: ToolJob): Promise<void>;
  /** What is asked of people about the call, when it is. */
  asked(job: ToolJob): Promise<FactOf<"asked">>;
  /** As an edge does, for a person who has read what is asked. */
  decide(job: ToolJob, decision: Partial<FactOf<"decided">>): Promise<void>;
  /** Adds the call again and again, as an agent does, until its result is stored; returns that. */
  call(job: ToolJob, timeoutMs?: number): Promise<ToolCallEndEvent>;
  result(job: ToolJob, timeoutMs?: number): Promise<ToolCallEndEvent>;
  cancel(job: ToolJob): Promise<void>;
  writeResult(job: ToolJob, result: string): Promise<void>;
  /** All stored events of one call. */
  events(job: ToolJob): Promise<string[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startAgent(
  nats: Broker,
  redis: Broker,
  settings: { factsMaxBytes?: number; auditMaxBytes?: number } = {},
): Promise<Agent> {
  const bus = await openBus({ servers: nats.url, name: "agent", log, ...settings });
  const queue = createToolQueue({ url: signedIn(redis.url, "agent"), log });
  await eventually(() => queue.ready(), { what: "the agent's queue" });
  const { events } = bus;

  const resultOf = async (job: ToolJob): Promise<ToolCallEndEvent | undefined> => {
    const last = await events.last(subjects.toolResult(0, conversation, job.turn_id, job.call_id));
    return last?.event.type === "tool_call_end" ? last.event : undefined;
  };
  const asked = (job: ToolJob): Promise<FactOf<"asked">> =>
    eventually(
      async () => {
        const fact = await bus.facts.read("asked", addressOf(job));
        return fact?.kind === "asked" ? fact : undefined;
      },
      { what: `the question about ${job.call_id}` },
    );
  const common = ({ turn_id }: ToolJob) => ({ conversation_id: conversation, turn_id, ts: Date.now() });

  const steps = new Map<string, Promise<number>>();
  const commitStep = async (job: ToolJob, as: Partial<Step>): Promise<number> => {
    const { call_id, tool_name, arguments: args, turn_id, conversation_id } = job;
    const place = { attempt: 1, n: 1, step: 0, usage: { input_tokens: 1, output_tokens: 1 } };
    const calls = { tool_calls: [{ call_id, tool_name, arguments: args }], caller_hash: callerHash(job) };
    const step: Step = { type: "step", ...common(job), conversation_id, ...place, ...calls, ...as };
    const stored = await events.append({
      subject: subjects.agent(0, conversation_id, turn_id),
      data: encodeEvent(step),
    });
    if (stored.kind !== "stored") throw new Error(`the step was not stored: ${stored.kind}`);
    return stored.seq;
  };
  const commit = async (job: ToolJob, as: Partial<Step> = {}): Promise<ToolJob> => {
    const committed = steps.get(job.call_id) ?? commitStep(job, as);
    steps.set(job.call_id, committed);
    return { ...job, step_seq: await committed };
  };

  return {
    bus,
    queue,
    commit,
    async chainGoesOn(job) {
      const event: StoredEvent = { type: "token", ...common(job), attempt: 1, n: 2, token: "…" };
      await events.append({ subject: subjects.agent(0, conversation, job.turn_id), data: encodeEvent(event) });
    },
    async forgetEvents() {
      await bus.nc.request(`$JS.API.STREAM.PURGE.${streams.events(0)}`, "");
    },
    job: (call_id, tool_name, args = {}) => ({
      v: 1,
      conversation_id: conversation,
      turn_id: call_id.split("-")[0] ?? "",
      call_id,
      tool_name,
      arguments: args,
      user: { id: "u1" },
      timeout_ms: 20_000,
    }),
    add: async (job) => queue.add(await commit(job)),
    go: async (job) => queue.add(await commit(job), { go: true }),
    asked,
    async decide(job, decision) {
      const { call_id, turn_id, conversation_id } = job;
      const { hash } = await asked(job);
      const about = { conversation_id, turn_id, ts: Date.now(), call_id, hash };
      await bus.facts.write({ kind: "decided", v: 1, ...about, approved: true, by: { id: "u1" }, ...decision });
    },
    call: (job, timeoutMs = 20_000) =>
      eventually(
        async () => {
          await commit(job)
            .then(queue.add, () => undefined)
            .catch(() => undefined);
          return resultOf(job);
        },
        { what: `the result of ${job.call_id}`, timeoutMs, intervalMs: 100 },
      ),
    result: (job, timeoutMs = 10_000) =>
      eventually(() => resultOf(job), { what: `the result of ${job.call_id}`, timeoutMs }),
    async cancel(job) {
      const event: StoredEvent = { type: "cancel_requested", ...common(job), by: "u1", reason: "user" };
      await events.writeOnce(subjects.control(0, conversation, job.turn_id), event);
    },
    async writeResult(job, result) {
      const { call_id, tool_name, arguments: args } = job;
      const call = { call_id, tool_name, arguments: args, status: "completed" as const, result, duration_ms: 1 };
      await events.writeOnce(subjects.toolResult(0, conversation, job.turn_id, call_id), {
        type: "tool_call_end",
        ...common(job),
        ...call,
      });
    },
    async events(job) {
      const stored = await events.read(conversation, { fromSeq: 1 });
      return stored.filter(({ subject }) => subject.endsWith(`.${job.call_id}`)).map(({ subject }) => subject);
    },
    async [Symbol.asyncDispose]() {
      await queue.close();
      await bus.close();
    },
  };
}

/** How often each call was carried out, as `demo_counter` and `demo_change` wrote it down. */
export async function countIn(file: string): Promise<Record<string, number>> {
  const text = await readFile(file, "utf8").catch(() => "");
  const counts: Record<string, number> = {};
  for (const line of text.split("\n").filter(Boolean)) {
    const [callId = ""] = line.split(" ", 1);
    counts[callId] = (counts[callId] ?? 0) + 1;
  }
  return counts;
}
