import { streams, type ToolJob } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startAccountWorkers, type AccountWorkers } from "./account-workers.ts";
import { startAccountsWorld, type AccountsWorld } from "./accounts-world.ts";

const allowed = { verdict: "allow" } as const;
const free = { policy: { decide: () => ({ ...allowed, decision: "allow" as const, by: "test", fourEyes: false }) } };

let world: AccountsWorld;
let workers: AccountWorkers;
type Worker = Awaited<ReturnType<AccountWorkers["addWorker"]>>;
let one: Worker;
let other: Worker;
beforeAll(async () => {
  world = await startAccountsWorld();
  workers = await startAccountWorkers(world);
  [one, other] = [await workers.addWorker(), await workers.addWorker()];
});
afterAll(async () => {
  await workers[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const connectFirst = "Connect your account at tickets first, at https://chat.example.org/?connect=tickets, then agree.";
const without = `Not run: whoever asks has no account connected at the MCP server tickets, or it was ended there. ${connectFirst}`;

const isConnected = async (user: string): Promise<boolean> =>
  (await world.ask(user, "GET", "")).body.connections[0].connected;

/** The newest token that the server was shown. */
const lastShown = (): string => world.tickets.shown.at(-1) ?? "";

async function ran(worker: Worker, job: ToolJob, go = false): Promise<string | undefined> {
  await worker.run(job, { go });
  return workers.resultOf(job.call_id);
}

describe("a call that reads", () => {
  it("waits until its person has connected an account, and any worker goes on with it", async () => {
    const job = workers.job("ann", "t1-0-0", "whoami");
    expect(await ran(one, job)).toBeUndefined();
    expect(await workers.agent.asked(job)).toMatchObject({ summary: connectFirst, form: [] });
    // The job once more, as after a lost worker: the question stands.
    expect(await ran(other, job)).toBeUndefined();
    await world.connect("ann", "ann-at-tickets");
    await workers.agent.decide(job, { content: {} });
    expect(await ran(other, job, true)).toContain("completed: You are ann-at-tickets.");
  });

  it("goes on also where the job that asked comes again after somebody has answered", async () => {
    const job = workers.job("amy", "t11-0-0", "whoami");
    await ran(one, job);
    await world.connect("amy", "amy-at-tickets");
    await workers.agent.decide(job, {});
    expect(await ran(one, job)).toContain("completed: You are amy-at-tickets.");
  });

  it("fails with the sentence where it was agreed to and nothing is connected", async () => {
    const job = workers.job("bert", "t2-0-0", "whoami");
    await ran(one, job);
    await workers.agent.decide(job, {});
    expect(await ran(one, job, true)).toBe(`failed: ${without}`);
  });

  it("asks nobody who has an account, and is made with theirs alone, on both workers at once", async () => {
    await Promise.all([world.connect("cleo", "cleo-at-tickets"), world.connect("dora", "dora-at-tickets")]);
    const jobs = Array.from({ length: 12 }, (_, at) => {
      const user = at % 2 === 0 ? "cleo" : "dora";
      return { job: workers.job(user, `t3${at}-0-0`, "whoami"), worker: at % 3 === 0 ? one : other, user };
    });
    const results = await Promise.all(jobs.map(({ worker, job }) => ran(worker, job)));
    expect(results).toEqual(jobs.map(({ user }) => expect.stringContaining(`completed: You are ${user}-at-tickets.`)));
  });

  it("of the same name in another tenant, or another user, has no part in it", async () => {
    await world.connect("eve", "eve-at-tickets");
    const elsewhere = { ...workers.job("eve", "t4-0-0", "whoami"), caller: { roles: [], tenant: "acme" } };
    expect(await ran(one, elsewhere)).toBeUndefined();
    expect(await ran(one, workers.job("Eve", "t5-0-0", "whoami"))).toBeUndefined();
    expect(await ran(one, workers.job("eve", "t6-0-0", "whoami"))).toContain("You are eve-at-tickets.");
  });

  it("waits again after what was allowed was ended, and what counts no more is forgotten", async () => {
    await world.connect("fay", "fay-at-tickets");
    expect(await ran(one, workers.job("fay", "t7-0-0", "whoami"))).toContain("fay-at-tickets");
    await world.provider.end(lastShown());
    const job = workers.job("fay", "t8-0-0", "whoami");
    expect(await ran(one, job)).toBeUndefined();
    expect(await isConnected("fay")).toBe(false);
    await world.connect("fay", "fay-anew");
    await workers.agent.decide(job, {});
    expect(await ran(other, job, true)).toContain("completed: You are fay-anew.");
  });

  it("is not made any more with an account that was disconnected, though the worker has a session of it", async () => {
    await world.connect("gus", "gus-at-tickets");
    expect(await ran(one, workers.job("gus", "t9-0-0", "whoami"))).toContain("gus-at-tickets");
    await world.ask("gus", "DELETE", "/tickets");
    expect(await ran(one, workers.job("gus", "t10-0-0", "whoami"))).toBeUndefined();
    await world.connect("gus", "gus-two");
    expect(await ran(one, workers.job("gus", "t12-0-0", "whoami"))).toContain("You are gus-two.");
  });
});

describe("a call that changes something", () => {
  it("asks for both in one question, and runs once, with the account, when somebody has agreed", async () => {
    const job = workers.job("hugo", "w1-0-0", "close", { ticket: "7" });
    expect(await ran(one, job)).toBeUndefined();
    const asked = await workers.agent.asked(job);
    expect(asked.summary).toBe(`${connectFirst} Calls close of the MCP server tickets.`);
    expect(asked.form).toBeUndefined();
    await world.connect("hugo", "hugo-at-tickets");
    await workers.agent.decide(job, {});
    expect(await ran(other, job, true)).toContain("completed: Closed 7 as hugo-at-tickets.");
    await ran(one, job, true);
    expect(world.tickets.closed.filter((said) => said.startsWith("hugo"))).toEqual(["hugo-at-tickets: 7"]);
  });

  it("that needs nobody's agreement waits for the account before its one licence is taken", async () => {
    const worker = await workers.addWorker(free);
    const job = workers.job("ida", "w2-0-0", "close", { ticket: "8" });
    expect(await ran(worker, job)).toBeUndefined();
    expect(await workers.agent.asked(job)).toMatchObject({ summary: connectFirst, form: [] });
    await world.connect("ida", "ida-at-tickets");
    await workers.agent.decide(job, {});
    // Whichever job is first: the one that asked may come again after its worker was lost.
    expect(await ran(worker, job)).toContain("completed: Closed 8 as ida-at-tickets.");
    await ran(worker, job, true);
    expect(world.tickets.closed.filter((said) => said.startsWith("ida"))).toEqual(["ida-at-tickets: 8"]);
  });

  it("is known not to have run where the account turns out to be ended in the middle of a session", async () => {
    const worker = await workers.addWorker(free);
    await world.connect("jo", "jo-at-tickets");
    expect(await ran(worker, workers.job("jo", "w3-0-0", "close", { ticket: "1" }))).toContain("Closed 1");
    await world.provider.end(lastShown());
    expect(await ran(worker, workers.job("jo", "w4-0-0", "close", { ticket: "2" }))).toBe(`failed: ${without}`);
    expect(world.tickets.closed.filter((said) => said.startsWith("jo"))).toEqual(["jo-at-tickets: 1"]);
    expect(await isConnected("jo")).toBe(false);
  });
});

describe("what is kept of calls", () => {
  it("says as whom they were made, and nothing of a token", async () => {
    const worker = await workers.addWorker(free);
    await world.connect("kim", "kim-at-tickets");
    await ran(worker, workers.job("kim", "k1-0-0", "close", { ticket: "3" }));
    await workers.agent.bus.audit.settled();
    const kept = await storedTexts();
    const [begun] = kept.filter((text) => text.includes('"kind":"begun","writer"') && text.includes('"k1-0-0"'));
    expect(JSON.parse(begun ?? "{}")).toMatchObject({ user: { id: "kim" }, access: [{ name: "close", as: "user" }] });
    const tokens = new Set(world.tickets.shown.filter(Boolean));
    expect(tokens.size).toBeGreaterThan(5);
    expect(kept.filter((text) => [...tokens].some((token) => text.includes(token)))).toEqual([]);
  });
});

/** All that is stored of events, facts, the audit log and sealed tokens. */
async function storedTexts(): Promise<string[]> {
  const { nc } = workers.agent.bus;
  const texts: string[] = [];
  for (const stream of [streams.events(0), streams.facts(0), streams.audit, streams.connections]) {
    for (let seq = 1, misses = 0; misses < 50; seq++) {
      const answer = await nc.request(`$JS.API.STREAM.MSG.GET.${stream}`, JSON.stringify({ seq }));
      const { message } = answer.json<{ message?: { data?: string } }>();
      if (message?.data === undefined) misses++;
      else texts.push(Buffer.from(message.data, "base64").toString());
    }
  }
  return texts;
}
