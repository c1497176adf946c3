import { limits, type FactOf, type FilePart, type ToolJob } from "@parley/protocol";
import { startNats, startRedis, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { defineTool, type ToolFile } from "../src/tools/tool.ts";
import { startAgent, type Agent } from "./support/agent.ts";
import { startRunner } from "./support/in-process.ts";

/** What the tool gives back: read anew by each run. */
let given: ToolFile[] = [];
const report = defineTool({
  name: "make_report",
  description: "Gives files back.",
  input: z.strictObject({}),
  effect: "read",
  timeoutMs: 5_000,
  run: async () => ({ text: "Done.", files: given }),
});

let turns = 0;
const newCallId = (): string => `t${turns++}-0-0`;

let nats: Broker;
let redis: Broker;
let agent: Agent;
let runner: Awaited<ReturnType<typeof startRunner>>;
beforeAll(async () => {
  [nats, redis] = await Promise.all([startNats(), startRedis({ persist: false })]);
  agent = await startAgent(nats, redis);
  runner = await startRunner(agent, [report]);
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await Promise.all([nats, redis].map((broker) => broker[Symbol.asyncDispose]()));
});

const csv = (text: string, name = "a.csv"): ToolFile => ({ name, bytes: Buffer.from(text) });

async function resultOf(job: ToolJob): Promise<FactOf<"result">> {
  const { conversation_id: conversation, turn_id: turn, call_id: call } = job;
  const fact = await agent.bus.facts.read("result", { conversation, turn, call });
  if (fact?.kind !== "result") throw new Error("there is no result");
  return fact;
}

async function run(files: ToolFile[]): Promise<{ job: ToolJob; files: readonly FilePart[]; result: string }> {
  given = files;
  const job = agent.job(newCallId(), "make_report");
  expect(await runner.run(job)).toBe("done");
  const fact = await resultOf(job);
  return { job, files: fact.files ?? [], result: fact.result };
}

it("gives files back with its result, and they are the conversation's", async () => {
  const { job, files, result } = await run([csv("a,b\n1,2\n"), csv("c\n", "b.csv")]);
  expect(files).toMatchObject([{ name: "a.csv", media_type: "text/csv", bytes: 8 }, { name: "b.csv" }]);
  expect(result).toContain("The user was given the file a.csv (text/csv, 8 bytes)");
  const record = await agent.bus.files.read(files[0]!.file_id);
  expect(record).toMatchObject({ conversation_id: job.conversation_id, origin: "tool", user: job.user.id });
});

it("whose worker was killed before its result was stored gives each file once, and the first counts", async () => {
  const job = agent.job(newCallId(), "make_report");
  // All but the result: what a worker has done that is killed then.
  const { user, caller, conversation_id: conversation, call_id } = job;
  const owner = { user: user.id, ...(caller?.tenant === undefined ? {} : { tenant: caller.tenant }) };
  const about = { owner, conversation, origin: "tool", id: `${call_id} 0` } as const;
  const first = await agent.bus.files.bring({ ...about, name: "late.csv", bytes: Buffer.from("first\n") });
  given = [csv("second, and longer\n", "late.csv")];
  await runner.run(job, { recovered: true });
  expect((await resultOf(job)).files).toMatchObject([{ file_id: first.file_id, bytes: 6 }]);
  const kept = await agent.bus.files.ofConversation(conversation);
  expect(kept.filter(({ name }) => name === "late.csv")).toMatchObject([{ file_id: first.file_id, status: "stored" }]);
});

it("says which could not be kept, and no more than its number", async () => {
  const many = Array.from({ length: limits.filesPerCall + 2 }, (_, n) => csv(`${n}\n`, `${n}.csv`));
  const { files, result } = await run([...many.slice(0, 1), csv("", "empty.csv"), ...many.slice(1)]);
  expect(files).toHaveLength(limits.filesPerCall - 1);
  expect(result).toContain("The file empty.csv could not be given to the user: The file is empty.");
  expect(result).toContain("3 more files were left out");
});

it("without files is as it was", async () => {
  const { job } = await run([]);
  expect(await resultOf(job)).not.toHaveProperty("files");
});
