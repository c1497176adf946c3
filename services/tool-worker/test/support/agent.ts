import { readFile } from "node:fs/promises";
import { type Bus, createToolQueue, openBus, type ToolQueue } from "@parley/bus";
import { subjects, type StoredEvent, type ToolArguments, type ToolCallEndEvent, type ToolJob } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { type Broker, eventually } from "@parley/testkit";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const conversation = "c1";

/** What an agent worker does with tools: it adds calls until their result is in the log. */
export interface Agent {
  readonly bus: Bus;
  readonly queue: ToolQueue;
  job(callId: string, tool: string, args?: ToolArguments): ToolJob;
  add(job: ToolJob): Promise<void>;
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
  settings: { factsMaxBytes?: number } = {},
): Promise<Agent> {
  const bus = await openBus({ servers: nats.url, name: "agent", log, ...settings });
  const queue = createToolQueue({ url: redis.url, log });
  await eventually(() => queue.ready(), { what: "the agent's queue" });
  const { events } = bus;

  const resultOf = async (job: ToolJob): Promise<ToolCallEndEvent | undefined> => {
    const last = await events.last(subjects.toolResult(0, conversation, job.turn_id, job.call_id));
    return last?.event.type === "tool_call_end" ? last.event : undefined;
  };
  const common = ({ turn_id }: ToolJob) => ({ conversation_id: conversation, turn_id, ts: Date.now() });

  return {
    bus,
    queue,
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
    add: queue.add,
    call: (job, timeoutMs = 20_000) =>
      eventually(
        async () => {
          await queue.add(job).catch(() => undefined);
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

/** How often each call was carried out, as `demo_counter` wrote it down. */
export async function countIn(file: string): Promise<Record<string, number>> {
  const text = await readFile(file, "utf8").catch(() => "");
  const counts: Record<string, number> = {};
  for (const callId of text.split("\n").filter(Boolean)) counts[callId] = (counts[callId] ?? 0) + 1;
  return counts;
}
