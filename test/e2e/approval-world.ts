import { readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { createToolQueue, openBus } from "@parley/bus";
import { pendingApprovals, subjects, type FactOf } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { signedIn, eventually, startService, startSystem, tempDir, type Service } from "@parley/testkit";
import { testEncryption } from "./test-encryption.ts";
import { person } from "./person.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const plant = pathToFileURL(path.resolve(import.meta.dirname, "../chaos/planted/plant.mjs")).href;

type Chat = ReturnType<Awaited<ReturnType<typeof person>>["conversation"]>;
export type ApprovalWorld = Awaited<ReturnType<typeof startApprovalWorld>>;

/** A call that a person is asked about. */
interface Question {
  readonly conversation: string;
  readonly turn: string;
  readonly call: string;
}

/** When its viewers see the question, and that the turn waits. */
export const asked = (chat: Chat): Promise<true> =>
  eventually(() => pendingApprovals(chat.view).length === 1 && chat.view.turns[0]?.status === "waiting", {
    what: "the question",
    timeoutMs: 20_000,
  });

export async function ask(chat: Chat): Promise<Question> {
  const { turn_id: turn } = await chat.send("change the counter to 42");
  return { conversation: chat.id, turn, call: `${turn}-0-0` };
}

/** Ends of the turn that `ask` begins. */
export const changed = { type: "complete", tool_calls: [{ status: "completed", result: "Changed: 42" }] };
export const denied = { type: "complete", tool_calls: [{ status: "denied", result: "Denied by Anna." }] };
export const unknown = { type: "complete", tool_calls: [{ status: "unknown" }] };

interface WorldOptions {
  /** How long people have to decide. */
  readonly ttlMs?: number;
  readonly agentEnv?: Readonly<Record<string, string>>;
}

/** An edge, two agent workers, and tool workers as the test wants them. */
export async function startApprovalWorld({ ttlMs = 120_000, agentEnv = {} }: WorldOptions = {}) {
  const folder = await tempDir();
  const counterFile = path.join(folder.path, "counter");
  const toolEnv = {
    ...{ DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counterFile, APPROVAL_TTL_MS: String(ttlMs) },
    ...{ LOCK_MS: "1000", STALLED_CHECK_MS: "200" },
  };
  const env = { "tool-worker": toolEnv, "agent-worker": { OPENAI_MODEL: "parley-simulated-fast", ...agentEnv } };
  const system = await startSystem({ agentWorkers: 2, toolWorkers: 0, env });
  const bus = await openBus({ servers: system.nats.url, name: "test", log, ...(await testEncryption()) });
  const queue = createToolQueue({ url: signedIn(system.redis.url, "agent"), log });

  return {
    agentWorkers: system.agentWorkers,
    person: () => person(system.edges[0]!),

    /** `death`: where in its code it kills itself (test/chaos/planted). */
    startToolWorker: (death?: string): Promise<Service> =>
      startService("tool-worker", {
        ...{ NATS_URL: system.nats.url, REDIS_URL: system.redis.url, ...toolEnv },
        ...(death === undefined ? {} : { NODE_OPTIONS: `--import=${plant}`, PARLEY_PLANTED_FAULT: death }),
      }),

    /** As an edge does for a person who has read it. Returns whether it is this decision that counts. */
    async decide(question: Question, approved: boolean): Promise<boolean> {
      const { conversation: conversation_id, turn: turn_id, call: call_id } = question;
      const fact = await bus.facts.read("asked", question);
      if (fact?.kind !== "asked") throw new Error("nothing is asked");
      const about = { v: 1, conversation_id, turn_id, ts: Date.now(), call_id, hash: fact.hash };
      const decided: FactOf<"decided"> = { kind: "decided", ...about, approved, by: { id: "anna", name: "Anna" } };
      return (await bus.facts.write(decided)).won;
    },

    /** Calls that no tool worker has taken yet. */
    async queuedCalls(): Promise<number> {
      const { waiting, active } = await queue.counts();
      return waiting + active;
    },

    /** How often the change was made. */
    async timesOf({ call }: Question): Promise<number> {
      const text = await readFile(counterFile, "utf8").catch(() => "");
      return text.split("\n").filter((line) => line.startsWith(`${call} `)).length;
    },

    async questionsTold({ conversation, turn, call }: Question): Promise<number> {
      const subject = subjects.approvalRequired(0, conversation, turn, call);
      const stored = await bus.events.read(conversation, { fromSeq: 1 });
      return stored.filter((message) => message.subject === subject).length;
    },

    async [Symbol.asyncDispose]() {
      await queue.close();
      await bus.close();
      await system[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
