import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { announceEveryMs, connectRedis, createToolCatalogue, startToolWorker, toolCallEndOf } from "@parley/bus";
import {
  askedEventOf,
  callIdOf,
  encodeJson,
  streams,
  subjects,
  type FactOf,
  type StoredEvent,
  type ToolDefinition,
  type ToolJob,
  type TurnRequest,
} from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { signedIn, eventually, tempDir, type Service } from "@parley/testkit";
import { startWorkbench, type Workbench } from "./workbench.ts";

type Bus = Workbench["bus"];

/** `ask`: a person must agree. `look`: nobody has to. */
const tools: readonly ToolDefinition[] = [
  {
    ...{ name: "ask", aliases: [], description: "Changes something.", parameters: { type: "object" } },
    ...{ effect: "write", timeout_ms: 5_000, approval: "required" },
  },
  {
    ...{ name: "look", aliases: [], description: "Looks.", parameters: { type: "object" } },
    ...{ effect: "read", timeout_ms: 5_000 },
  },
];

/** A tool worker in this process, which keeps to what docs/adr/0017 asks of one. It counts what it has done for each call. */
async function startTools(bus: Bus, url: string, ttlMs: () => number) {
  const log = createLogger({ service: "test", level: "error", format: "pretty" });
  const redis = connectRedis({ url, role: "cache", log });
  await once(redis, "ready");
  const catalogue = createToolCatalogue({ redis, log });
  await catalogue.announce(tools);
  const announcing = setInterval(() => void catalogue.announce(tools).catch(() => {}), announceEveryMs);
  const effects = new Map<string, number>();

  const of = ({ conversation_id, turn_id, call_id }: ToolJob) => ({ v: 1, conversation_id, turn_id, call_id });
  const ask = async (job: ToolJob): Promise<void> => {
    const { tool_name, arguments: args, conversation_id, turn_id, call_id } = job;
    const common = { ...of(job), tool_name, ts: Date.now() };
    const request = { summary: "Change it?", expires_at: Date.now() + ttlMs() };
    const { fact } = await bus.facts.write<"asked">({ kind: "asked", ...common, ...request, hash: "h" });
    if (fact.kind !== "asked") throw new Error("the question cannot be read");
    await bus.events.writeOnce(
      subjects.approvalRequired(bus.events.shardOf(conversation_id), conversation_id, turn_id, call_id),
      askedEventOf(fact, args),
    );
  };
  const finish = async (job: ToolJob): Promise<void> => {
    const { tool_name, arguments: args, conversation_id, turn_id, call_id } = job;
    const common = { ...of(job), ts: Date.now(), tool_name, arguments: args };
    if (tool_name === "ask" && !(await bus.facts.write<"begun">({ kind: "begun", ...common, worker: "test" })).won)
      return;
    effects.set(call_id, (effects.get(call_id) ?? 0) + 1);
    const result = {
      kind: "result" as const,
      ...common,
      status: "completed" as const,
      result: "Done.",
      duration_ms: 1,
    };
    const { fact } = await bus.facts.write<"result">(result);
    if (fact.kind !== "result") throw new Error("the result cannot be read");
    const subject = subjects.toolResult(bus.events.shardOf(conversation_id), conversation_id, turn_id, call_id);
    await bus.events.writeOnce(subject, toolCallEndOf(fact));
  };

  const worker = startToolWorker({
    ...{ url, concurrency: 8, log },
    onAbandoned() {},
    async run(job) {
      const { conversation_id: conversation, turn_id: turn, call_id: call } = job;
      const decided = await bus.facts.read("decided", { conversation, turn, call });
      if (job.tool_name === "ask" && decided === undefined) await ask(job);
      else if (job.tool_name !== "ask" || (decided?.kind === "decided" && decided.approved)) await finish(job);
      return "done";
    },
  });
  return {
    effects,
    async close(): Promise<void> {
      clearInterval(announcing);
      await worker.close(0);
      redis.disconnect();
    },
  };
}

export interface ApprovalBench extends Workbench {
  /** Of each call that was run. */
  readonly effects: ReadonlyMap<string, number>;
  /** A worker whose agent may use every tool. */
  addApprovalWorker(env?: Record<string, string>): Promise<Service>;
  /** Stores what a person has decided; the event of it too, unless its edge is lost before. */
  decide(
    turn: TurnRequest,
    decision: Partial<FactOf<"decided">> & { call?: string; isUntold?: boolean },
  ): Promise<void>;
  /** Waits until the turn waits for a person, for the `nth` time, and is put back. */
  waiting(turn: TurnRequest, nth?: number): Promise<void>;
  /** All events of the turn, in their order. */
  eventsOf(turn: TurnRequest): Promise<StoredEvent[]>;
  /** As if the event window had passed. */
  forget(turn: TurnRequest): Promise<void>;
  replyOf(turn: TurnRequest): Promise<string>;
  /** Waits until the turn is put back, and its worker has looked whether it missed something. */
  putBack(turn: TurnRequest): Promise<void>;
}

export const firstCall = ({ turn_id }: TurnRequest, step = 0, index = 0): string => callIdOf(turn_id, step, index);

/** What a worker needs at the most for what it does behind the fact: a batch of answers, and a look. */
const lookMs = 500;

async function agentFolder() {
  const folder = await tempDir();
  const agent = { name: "general", description: "For tests.", examples: [], system_prompt: "Answer.", tools: ["*"] };
  await writeFile(path.join(folder.path, "general.yaml"), JSON.stringify(agent));
  return folder;
}

/** `ttlMs`: how long a person may think. `eventWindowMs`: how long events are kept. */
export async function startApprovalBench({
  ttlMs = 600_000,
  ...bounds
}: { ttlMs?: number; eventWindowMs?: number } = {}): Promise<ApprovalBench> {
  const [bench, folder] = await Promise.all([startWorkbench([], bounds), agentFolder()]);
  const { bus } = bench;
  const tool = await startTools(bus, signedIn(bench.redis.url, "tool"), () => ttlMs);
  const addressOf = ({ conversation_id: conversation, turn_id: turn }: TurnRequest) => ({ conversation, turn });
  const ackOf = async (turn: TurnRequest) => {
    const fact = await bus.facts.read("ack", addressOf(turn));
    return fact?.kind === "ack" ? fact : undefined;
  };
  const eventsOf = async (turn: TurnRequest) => (await bench.events(turn)).map(({ event }) => event);

  return {
    ...bench,
    effects: tool.effects,
    eventsOf,
    addApprovalWorker: (env = {}) =>
      bench.addWorker({ AGENTS_DIR: folder.path, TOOLS_WAIT_MS: "5000", JANITOR_MS: "600000", ...env }),
    async decide(turn, { call = firstCall(turn), isUntold = false, ...decision }) {
      const { conversation_id, turn_id } = turn;
      const common = { conversation_id, turn_id, ts: Date.now(), call_id: call };
      const { approved = true, by = { id: "p", name: "Petra" }, ...others } = decision;
      await bus.facts.write<"decided">({ kind: "decided", v: 1, ...common, approved, by, hash: "h", ...others });
      if (isUntold) return;
      const subject = subjects.approvalDecided(bus.events.shardOf(conversation_id), conversation_id, turn_id, call);
      const { reason } = decision;
      const why = reason === undefined ? {} : { reason };
      await bus.events.writeOnce(subject, { type: "approval_decided", ...common, approved, by, ...why });
    },
    async waiting(turn, nth = 1) {
      await eventually(
        async () => {
          const waits = (await eventsOf(turn)).filter(({ type }) => type === "waiting");
          const [last] = waits.slice(-1);
          return waits.length >= nth && last !== undefined && ((await ackOf(turn))?.ts ?? 0) >= last.ts;
        },
        { what: "a turn that waits", timeoutMs: 20_000 },
      );
    },
    async forget({ conversation_id }) {
      const filter = encodeJson({ filter: subjects.eventsOf(0, conversation_id) });
      await bus.nc.request(`$JS.API.STREAM.PURGE.${streams.events(0)}`, filter);
    },
    async putBack(turn) {
      await eventually(
        async () => {
          const ack = await ackOf(turn);
          return ack !== undefined && Date.now() - ack.ts > lookMs;
        },
        { what: "a turn that is put back", timeoutMs: 20_000 },
      );
    },
    replyOf: async (turn) => (await ackOf(turn))?.reply ?? "",
    async [Symbol.asyncDispose]() {
      await tool.close();
      await bench[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
