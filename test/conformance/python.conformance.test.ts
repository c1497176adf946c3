import { fileURLToPath } from "node:url";
import { shownTurn, eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findPython } from "../clients/python.ts";
import { person } from "../e2e/person.ts";
import { runProgram, type ClientRun } from "./client-run.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

const python = findPython();
const project = fileURLToPath(new URL("../../clients/python", import.meta.url));

it.skipIf(python === undefined)("the fold of the Python client makes of each shared case what it says", async () => {
  const args = [python ?? "", "-m", "unittest", "discover", `${project}/tests`, "-p", "test_*.py"];
  const env = { PYTHONPATH: `${project}/src`, PYTHONDONTWRITEBYTECODE: "1" };
  expect(await runProgram("unittest", args, { cwd: project, env }).ended).toBe(0);
});

describe.skipIf(python === undefined).each(["asyncio", "sync"])("parley-client for Python (%s)", (style) => {
  let world: ConformanceWorld;

  beforeAll(async () => {
    world = await startConformanceWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  async function run(message: string, more: object = {}): Promise<ClientRun> {
    const url = `ws://127.0.0.1:${world.proxy.port}/ws/chat`;
    const input = { url, token: await world.token(), message, style, ...more };
    const env = { PYTHONPATH: `${project}/src`, PYTHONDONTWRITEBYTECODE: "1" };
    const command = [python ?? "", `${project}/tests/live.py`, JSON.stringify(input)];
    return runProgram("live.py", command, { cwd: project, env });
  }
  const longer = (client: ClientRun, chars: number) =>
    eventually(() => client.lines.some(({ type, length }) => type === "text" && Number(length) > chars), {
      what: "some text",
      timeoutMs: 30_000,
    });

  it("text: ends with the stored answer", async () => {
    const client = await run(asks.numbered(40));
    expect(await client.until("end")).toMatchObject({ status: "complete", text: numberedWords(40) });
    expect(await client.ended).toBe(0);
  });

  it("resume: goes on after its connection was cut, through another edge", async () => {
    const client = await run(asks.numbered(200, 40));
    await longer(client, 60);
    world.proxy.sever();
    world.proxy.heal();
    await longer(client, 400);
    world.proxy.sever();
    world.proxy.heal();
    expect(await client.until("end")).toMatchObject({ status: "complete", text: numberedWords(200) });
  });

  it("error: is told with its code", async () => {
    const client = await run(asks.error);
    expect(await client.until("end")).toMatchObject({ status: "error", response: "" });
  });

  it("tools: have their place between the text", async () => {
    const client = await run(asks.tool);
    const end = await client.until("end");
    expect(end).toMatchObject({ status: "complete", response: end["text"] });
    expect(JSON.stringify(end["parts"])).toContain('"status":"completed"');
  });

  it("approval: is asked for, decided, and goes on", async () => {
    const client = await run(asks.approval, { approve: true });
    expect(await client.until("decided")).toMatchObject({ approved: true });
    expect(await client.until("end")).toMatchObject({ status: "complete" });
  });

  it("stop: ends the turn for all who look", async () => {
    using anna = await person(world.edges[1]);
    const client = await run(asks.numbered(3_000, 40), { cancel_after: 50 });
    const accepted = await client.until("accepted");
    const chat = anna.conversation(String(accepted["conversation"]));
    await chat.subscribe();
    const end = await client.until("end");
    expect(end).toMatchObject({ status: "cancelled" });
    await chat.untilEnd(String(accepted["turn_id"]));
    expect(shownTurn(chat.view, String(accepted["turn_id"]))?.text).toBe(end["text"]);
  });

  it("takeover: the answer goes on when its worker is killed", async () => {
    const client = await run(asks.numbered(200, 40));
    await longer(client, 60);
    for (const worker of world.system.agentWorkers) {
      await worker.restart();
    }
    expect(await client.until("end")).toMatchObject({ status: "complete", text: numberedWords(200) });
  });
});
