import { jsonTextBytes, limits, subjects, type ToolJob } from "@parley/protocol";
import { type Broker, eventually, startNats, startRedis } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { defineTool, type Preview, type ToolContext } from "../src/tools/tool.ts";
import { addressOf, type Agent, startAgent } from "./support/agent.ts";
import { startRunner } from "./support/in-process.ts";

let nats: Broker;
let redis: Broker;
let agent: Agent;
let turns = 0;

beforeAll(async () => {
  [nats, redis] = await Promise.all([startNats(), startRedis({ persist: false })]);
  agent = await startAgent(nats, redis);
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await Promise.all([nats, redis].map((resource) => resource[Symbol.asyncDispose]()));
});

interface Asking {
  readonly name?: string;
  readonly aliases?: string[];
  readonly effect?: "read" | "write";
  readonly timeoutMs?: number;
  summary?(): string;
  confirm?(): string;
  preview?(context: ToolContext): Promise<Preview>;
}

/** Counts its runs, and its dry runs. */
function asking({ summary = () => "Does it.", confirm, preview, ...spec }: Asking = {}) {
  let runs = 0;
  let dryRuns = 0;
  const tool = defineTool({
    ...{ name: "asks", description: "A tool.", input: z.strictObject({}), effect: "write" as const, timeoutMs: 5_000 },
    ...spec,
    approval: {
      summary,
      ...(confirm === undefined ? {} : { confirm }),
      ...(preview && {
        preview: (_input: object, context: ToolContext) => {
          dryRuns++;
          return preview(context);
        },
      }),
    },
    run: async () => {
      runs++;
      return "Done.";
    },
  });
  return { tool, runs: () => runs, dryRuns: () => dryRuns };
}

const newJob = (name = "asks"): ToolJob => agent.job(`q${turns++}-0-0`, name);
const isAsked = async (job: ToolJob): Promise<boolean> =>
  (await agent.bus.facts.read("asked", addressOf(job))) !== undefined;
const questionsTold = async (job: ToolJob): Promise<number> => {
  const told = subjects.approvalRequired(0, job.conversation_id, job.turn_id, job.call_id);
  return (await agent.events(job)).filter((subject) => subject === told).length;
};
const never = (): Promise<never> => new Promise(() => {});

it("two workers that ask at the same time ask once", async () => {
  const [one, other] = await Promise.all([startRunner(agent, [asking().tool]), startRunner(agent, [asking().tool])]);
  const job = newJob();
  expect(await Promise.all([one.run(job), other.run(job)])).toEqual(["done", "done"]);
  expect(await questionsTold(job)).toBe(1);
  const before = await agent.asked(job);
  expect(await one.run(job)).toBe("done");
  expect(await agent.asked(job)).toEqual(before);
  expect(await questionsTold(job)).toBe(1);
});

it("two workers that get an approved call run it once", async () => {
  const [one, other] = [asking(), asking()];
  const runners = await Promise.all([startRunner(agent, [one.tool]), startRunner(agent, [other.tool])]);
  const job = newJob();
  await runners[0].run(job);
  await agent.decide(job, {});
  await Promise.all(runners.map((runner) => runner.run(job, { go: true })));
  expect(one.runs() + other.runs()).toBe(1);
  expect(await agent.result(job)).toMatchObject({ status: "completed", result: "Done." });
});

it("P7: what people are shown is bounded, plain and well-formed", async () => {
  const { tool } = asking({
    summary: () => `first line\n\u001b[31m\ud800 "${"\u00e9".repeat(5_000)}`,
    confirm: () => ` ${"ab\ncd".repeat(100)}`,
    preview: async () => ({ kind: "table", text: `NAME\u202e  AGE\r\n${'"row" 1\n'.repeat(20_000)}` }),
  });
  const runner = await startRunner(agent, [tool]);
  const job = newJob();
  await runner.run(job);
  const { summary, preview, confirm } = await agent.asked(job);
  expect(summary).toMatch(/^first line \ufffd "é+$/);
  expect(jsonTextBytes(summary)).toBeLessThanOrEqual(limits.approvalSummaryBytes);
  expect(jsonTextBytes(summary)).toBeGreaterThan(limits.approvalSummaryBytes - 4);
  expect(preview?.kind).toBe("table");
  expect(preview?.text).toMatch(/^NAME\\u202e {2}AGE\n"row" 1\n/);
  expect(preview?.text).toMatch(/\[cut here: \d+ characters in all\]$/);
  expect(jsonTextBytes(preview?.text ?? "")).toBeLessThanOrEqual(limits.approvalPreviewBytes);
  expect(confirm).toBe("ab cd".repeat(100).slice(0, limits.approvalConfirmChars));
});

it.each([
  ["a blank", " b"],
  ["half a character", "\u{1f600}"],
])("P11: what is to be typed can be typed, also where it is cut at %s", async (_what, rest) => {
  const begin = "a".repeat(limits.approvalConfirmChars - 1);
  const runner = await startRunner(agent, [asking({ confirm: () => `${begin}${rest}` }).tool]);
  const job = newJob();
  await runner.run(job);
  expect((await agent.asked(job)).confirm).toBe(begin);
});

it("P11: agreement is for the whole change, also for what was cut off", async () => {
  let end = "one";
  const { tool, runs } = asking({
    preview: async () => ({ kind: "text", text: `${"a".repeat(limits.approvalPreviewBytes)} ${end}` }),
  });
  const runner = await startRunner(agent, [tool]);
  const job = newJob();
  await runner.run(job);
  await agent.decide(job, {});
  end = "two";
  await runner.run(job, { go: true });
  expect(await agent.result(job)).toMatchObject({
    status: "failed",
    result: "Not run: what was approved is not what would run.",
  });
  expect(runs()).toBe(0);
});

it("P11: agreement is for a tool: not for another one that has taken its alias", async () => {
  const before = await startRunner(agent, [asking({ name: "asks", aliases: ["change"] }).tool]);
  const other = asking({ name: "others", aliases: ["change"] });
  const after = await startRunner(agent, [other.tool]);
  const job = newJob("change");
  await before.run(job);
  await agent.decide(job, {});
  await after.run(job, { go: true });
  expect(await agent.result(job)).toMatchObject({ status: "failed" });
  expect(other.runs()).toBe(0);
});

it.each<[string, Asking, string]>([
  ["fails with a bug", { preview: () => Promise.reject(new Error("?")) }, "The tool failed for an internal reason."],
  [
    "cannot say what it would do",
    {
      summary: () => {
        throw new Error("?");
      },
    },
    "The tool failed for an internal reason.",
  ],
])("nobody is asked about a call whose tool %s: it fails", async (_, spec, result) => {
  const runner = await startRunner(agent, [asking(spec).tool]);
  const job = newJob();
  expect(await runner.run(job)).toBe("done");
  expect(await agent.result(job)).toMatchObject({ status: "failed", result });
  expect(await isAsked(job)).toBe(false);
});

it("a dry run that takes too long ends the call, and nobody is asked", async () => {
  const runner = await startRunner(agent, [asking({ preview: never, timeoutMs: 50 }).tool]);
  const job = newJob();
  await runner.run(job);
  expect(await agent.result(job)).toMatchObject({
    status: "timeout",
    result: "The preview of asks did not finish within 0.05 s.",
  });
  expect(await isAsked(job)).toBe(false);
});

it("a dry run is given back by a worker that closes, although its tool changes something", async () => {
  const { tool, dryRuns } = asking({ preview: never });
  const runner = await startRunner(agent, [tool]);
  const closing = new AbortController();
  const job = newJob();
  const ended = runner.run(job, { closing: closing.signal });
  await eventually(() => dryRuns() === 1, { what: "the dry run" });
  closing.abort();
  expect(await ended).toBe("give back");
  expect(await isAsked(job)).toBe(false);
});

it("a dry run ends when its turn is cancelled, and nobody is asked", async () => {
  const { tool, dryRuns } = asking({ preview: never });
  const runner = await startRunner(agent, [tool]);
  const job = newJob();
  const ended = runner.run(job);
  await eventually(() => dryRuns() === 1, { what: "the dry run" });
  runner.running.cancelTurn(job.turn_id);
  expect(await ended).toBe("done");
  expect(await agent.result(job)).toMatchObject({ status: "cancelled" });
  expect(await isAsked(job)).toBe(false);
});

it("nobody is asked about a turn that was cancelled during the dry run of a tool that does not listen", async () => {
  let finish = (): void => {};
  const preview = (): Promise<Preview> =>
    new Promise((resolve) => {
      finish = () => resolve({ kind: "text", text: "" });
    });
  const { tool, dryRuns } = asking({ preview });
  const runner = await startRunner(agent, [tool]);
  const job = newJob();
  const ended = runner.run(job);
  await eventually(() => dryRuns() === 1, { what: "the dry run" });
  runner.running.cancelTurn(job.turn_id);
  finish();
  await ended;
  expect(await isAsked(job)).toBe(false);
});

it("a question stands although the workers that asked were lost; a call that nobody was asked about is given up", async () => {
  const runner = await startRunner(agent, [asking().tool]);
  const [asked, lost] = [newJob(), newJob()];
  await runner.run(asked);
  runner.abandon(asked, { go: false });
  runner.abandon(lost, { go: false });
  expect(await agent.result(lost)).toMatchObject({
    status: "failed",
    result: "asks was given up: the workers that ran it were lost.",
  });
  await agent.decide(asked, {});
  await runner.run(asked, { go: true });
  expect(await agent.result(asked)).toMatchObject({ status: "completed" });
});

it("P5: an approved call whose workers were lost before it began is certain not to run", async () => {
  const { tool, runs } = asking();
  const runner = await startRunner(agent, [tool]);
  const job = newJob();
  await runner.run(job);
  await agent.decide(job, {});
  runner.abandon(job, { go: true });
  expect(await agent.result(job)).toMatchObject({ status: "failed" });
  await runner.run(job, { go: true });
  expect(runs()).toBe(0);
});
