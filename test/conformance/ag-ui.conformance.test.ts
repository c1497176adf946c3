import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answersIn, callsIn, messagesOf, openAgUi, type AgUiClientOptions } from "./ag-ui-client.ts";
import { hasClients } from "./client-run.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

const versions = [
  ["0.0.59", 0],
  ["1.0.0", 1],
] as const;

let world: ConformanceWorld;
let release: () => Promise<void> = async () => {};
beforeAll(async () => {
  if (!hasClients) return;
  world = await startConformanceWorld({ "agent-worker": { ACK_WAIT_MS: "2000" } });
  release = () => world[Symbol.asyncDispose]();
}, 90_000);
afterAll(() => release());

describe.skipIf(!hasClients).each(versions)("AG-UI %s (@ag-ui/client)", (name, version) => {
  const open = (more: Partial<AgUiClientOptions> = {}) =>
    openAgUi(world, { version, url: `${world.url}/api/ag-ui`, ...more });
  const isOne = version === 1;

  test(`text: is whole and once, and the client has nothing to complain of (${name})`, async () => {
    const client = await open();
    client.ask(asks.numbered(60));
    const standing = await client.settled();
    expect(standing.ok).toBe(true);
    expect(answersIn(standing)).toEqual([numberedWords(60)]);
    expect(client.events(1)[0]).toMatchObject({ type: "RUN_STARTED", threadId: client.threadId });
    expect(client.events(1).at(-1)?.["outcome"]).toEqual(isOne ? { type: "success" } : undefined);
    expect(client.complaints()).toEqual([]);
  });

  test("text: the five minutes of the docs take no token, on this machine", async () => {
    const page = readFileSync(path.join(import.meta.dirname, "../../docs/ag-ui.md"), "utf8");
    const [, example = ""] = /```js\n(.*?)```/s.exec(page) ?? [];
    const code = example
      .replace("@ag-ui/client", `@ag-ui/client-${version}`)
      .replace("http://127.0.0.1:8000", world.url);
    const cwd = path.join(import.meta.dirname, "clients");
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], { cwd });
    expect(stdout).toContain("[k8s_list_pods {");
  });

  test("text: goes on in the same conversation, and the same message twice is one turn", async () => {
    const client = await open();
    client.ask(asks.numbered(5), "first");
    const first = await client.settled();
    client.ask(asks.numbered(6));
    expect(answersIn(await client.settled())).toEqual([numberedWords(6)]);
    const again = await open({ threadId: client.threadId });
    again.ask(asks.numbered(5), "first");
    const repeated = await again.settled();
    expect(messagesOf(repeated, "assistant").map(({ id }) => id)).toEqual(
      messagesOf(first, "assistant").map(({ id }) => id),
    );
  });

  test("reasoning: is a message of its own before the answer", async () => {
    const client = await open();
    client.ask(asks.reasoning);
    const standing = await client.settled();
    expect(messagesOf(standing, "reasoning")).toMatchObject([{ content: expect.stringMatching(/\w/) }]);
    expect(standing.messages.map(({ role }) => role).filter((role) => role !== "activity")).toEqual([
      "user",
      "reasoning",
      "assistant",
    ]);
    expect(answersIn(standing)).toEqual([numberedWords(8)]);
  });

  test("tools: a call has its arguments and its result behind it", async () => {
    const client = await open();
    client.ask(asks.tool);
    const standing = await client.settled();
    const [call] = callsIn(standing);
    expect(call?.function.name).toBe("k8s_list_pods");
    expect(JSON.parse(call?.function.arguments ?? "")).toEqual(expect.any(Object));
    expect(messagesOf(standing, "tool")).toMatchObject([
      { toolCallId: call?.id, content: expect.stringMatching(/\w/) },
    ]);
    expect(answersIn(standing)).not.toEqual([]);
    expect(client.complaints()).toEqual([]);
  });

  test("parallel tools: both calls stand in one message, with a result each", async () => {
    const client = await open();
    client.ask(asks.parallelTools);
    const standing = await client.settled();
    const withCalls = messagesOf(standing, "assistant").filter(({ toolCalls = [] }) => toolCalls.length > 0);
    expect(withCalls.map(({ toolCalls = [] }) => toolCalls.length)).toEqual([2]);
    const ids = callsIn(standing).map(({ id }) => id);
    expect(messagesOf(standing, "tool").map(({ toolCallId }) => toolCallId)).toEqual(expect.arrayContaining(ids));
  });

  test("progress: is an activity that is over when the run is", async () => {
    const client = await open();
    client.ask(asks.numbered(3));
    const standing = await client.settled();
    const shown = messagesOf(standing, "activity").filter((message) => message["activityType"] === "progress");
    expect(shown).toMatchObject([{ content: { status: "done", message: expect.stringMatching(/\w/) } }]);
  });

  test("error: a run that fails says the code and a sentence", async () => {
    const client = await open();
    client.ask(asks.error);
    const { ok } = await client.settled();
    expect(ok).toBe(true);
    expect(client.events(1).at(-1)).toMatchObject({ type: "RUN_ERROR", code: "MODEL_UNAVAILABLE" });
  });

  test("error: what cannot be asked is refused with a sentence", async () => {
    const client = await open();
    client.ask("");
    const { ok, error } = await client.settled();
    expect(ok).toBe(false);
    expect(error).toContain("HTTP 400");
    expect(error).toContain("EMPTY_MESSAGE");
  });

  test("error: a body that is too large, too deep or no run at all is refused before anything is done", async () => {
    const token = await world.token();
    const post = async (body: string, address = "/api/ag-ui") => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const response = await fetch(`${world.url}${address}`, { method: "POST", headers, body });
      return `${response.status} ${await response.text()}`;
    };
    const run = (messages: unknown): string => JSON.stringify({ threadId: "odd", runId: "r", messages });
    const user = { id: "u", role: "user", content: "hello" };
    expect(await post(run([{ ...user, content: "x".repeat(2_100_000) }]))).toMatch(/^413 .*MESSAGE_TOO_LARGE/);
    expect(await post(run([{ ...user, content: "x".repeat(40_000) }]))).toMatch(/^413 .*MESSAGE_TOO_LARGE/);
    const deep = `${"[".repeat(40_000)}${"]".repeat(40_000)}`;
    expect(await post(run([user]).replace('"hello"', deep))).toMatch(/^400 .*nested deeper/);
    expect(await post(run("hello"))).toMatch(/^400 .*messages/);
    expect(await post("{}", "/api/ag-ui/stop/nothing")).toBe('200 {"stopped":false}');
    expect(await post("{}", "/api/copilotkit")).toMatch(/^400 /);
    expect(await post('{"method":"info"}', "/api/copilotkit")).toMatch(/^200 .*"default"/);
  });

  test("usage: the end of a run says what it cost", async () => {
    const client = await open();
    client.ask(asks.numbered(4));
    await client.settled();
    const usage = [{ inputTokens: expect.any(Number), outputTokens: 4 }];
    expect(client.events(1).at(-1)).toMatchObject({ type: "RUN_FINISHED", usage });
  });

  test("stop: the run ends as cancelled, with what there was", async () => {
    const client = await open();
    client.ask(asks.numbered(400, 50));
    await client.has(20);
    const stopped = await fetch(`${world.url}/api/ag-ui/stop/${client.threadId}`, {
      method: "POST",
      headers: { authorization: `Bearer ${await world.token()}`, "content-type": "application/json" },
    });
    expect(await stopped.json()).toEqual({ stopped: true });
    const standing = await client.settled();
    expect(numberedWords(400)).toContain(answersIn(standing)[0] ?? "nothing");
    const end = { type: "RUN_FINISHED", result: { status: "cancelled" } };
    expect(client.events(1).at(-1)).toMatchObject(isOne ? { ...end, outcome: { type: "cancelled" } } : end);
    expect(client.types(1).includes("CUSTOM")).toBe(!isOne);
  });

  test("stop: a client that goes away stops nothing, and another one gets all of it", async () => {
    const client = await open();
    client.ask(asks.numbered(150, 60), "asked");
    await client.has(20);
    client.abort();
    await client.settled();
    const other = await open({ threadId: client.threadId });
    other.attach();
    const standing = await other.settled();
    expect(answersIn(standing)).toEqual([numberedWords(150)]);
    expect(messagesOf(standing, "user").map(({ id }) => id)).toEqual(["asked"]);
  });

  test("resume: a client that was cut off attaches, and has every word once", async () => {
    const client = await open({ url: `${world.proxyUrl}/api/ag-ui` });
    client.ask(asks.numbered(200, 60));
    for (let cut = 0; cut < 3; cut++) {
      await client.has(randomInt(10, 80) + cut * 100);
      world.proxy.sever();
      expect((await client.settled()).ok).toBe(false);
      world.proxy.heal();
      client.attach();
    }
    const standing = await client.settled();
    expect(standing.ok).toBe(true);
    expect(answersIn(standing)).toEqual([numberedWords(200)]);
    expect(messagesOf(standing, "user")).toHaveLength(1);
  });

  test("resume: a client whose edge is killed attaches at the other one", async () => {
    const client = await open({ url: `${world.proxyUrl}/api/ag-ui` });
    client.ask(asks.numbered(200, 50));
    await client.has(30);
    await Promise.all(world.edges.map((edge) => edge.kill("SIGKILL")));
    await Promise.all(world.edges.map((edge) => edge.restart()));
    expect((await client.settled()).ok).toBe(false);
    client.attach();
    expect(answersIn(await client.settled())).toEqual([numberedWords(200)]);
  });

  test("resume: what has ended meanwhile is said again, once", async () => {
    const client = await open({ url: `${world.proxyUrl}/api/ag-ui` });
    client.ask(asks.numbered(40, 40));
    await client.has(20);
    world.proxy.sever();
    await client.settled();
    world.proxy.heal();
    const other = await open({ threadId: client.threadId });
    other.attach();
    await other.settled();
    client.attach();
    expect(answersIn(await client.settled())).toEqual([numberedWords(40)]);
  });

  test("takeover: an answer whose worker is killed is whole, and nothing of the lost attempt is left", async () => {
    const client = await open();
    client.ask(asks.numbered(120, 40));
    await client.has(30);
    for (const worker of world.system.agentWorkers) {
      await worker.kill("SIGKILL");
      await worker.restart();
    }
    const standing = await client.settled();
    expect(standing.ok).toBe(true);
    expect(client.types(1)).toContain("MESSAGES_SNAPSHOT");
    expect(answersIn(standing)).toEqual([numberedWords(120)]);
    expect(messagesOf(standing, "assistant")).toHaveLength(1);
  });

  test("text: two runs of one thread are answered one after the other", async () => {
    const one = await open();
    const two = await open({ threadId: one.threadId });
    one.ask(asks.numbered(60, 60));
    await one.has(5);
    two.ask(asks.numbered(7));
    expect(answersIn(await one.settled())).toEqual([numberedWords(60)]);
    expect(answersIn(await two.settled())).toEqual([numberedWords(7)]);
  });

  describe("approval", () => {
    const ask = async (more: Partial<AgUiClientOptions> = {}) => {
      const client = await open(more);
      client.ask(asks.approval);
      const standing = await client.settled();
      return { client, standing, interrupts: standing.interrupts };
    };
    const say = (interrupts: readonly { id: string }[], payload: object) =>
      interrupts.map(({ id }) => ({ interruptId: id, status: "resolved", payload }));

    test("approval: a call that needs a person interrupts the run, and a yes lets it go on in another run", async () => {
      const { client, standing, interrupts } = await ask();
      expect(interrupts).toMatchObject([{ reason: "tool_call", toolCallId: callsIn(standing)[0]?.id }]);
      expect(interrupts[0]?.message).toMatch(/\w/);
      client.resume(say(interrupts, { approved: true }));
      const after = await client.settled();
      expect(after.interrupts).toEqual([]);
      expect(messagesOf(after, "tool")).toHaveLength(1);
      expect(messagesOf(after, "tool")[0]?.content).toContain("42");
      expect(client.types(2)).not.toContain("MESSAGES_SNAPSHOT");
      expect(client.types(2)).not.toContain("TOOL_CALL_START");
      expect(answersIn(after).length).toBeGreaterThan(0);
      expect(client.complaints()).toEqual([]);
    });

    test("approval: a no, or turning away, keeps it from being done", async () => {
      const denied = await ask();
      denied.client.resume(say(denied.interrupts, { approved: false, reason: "Not today." }));
      expect(messagesOf(await denied.client.settled(), "tool")[0]?.["metadata"]).toEqual({ status: "denied" });
      const away = await ask();
      away.client.resume(away.interrupts.map(({ id }) => ({ interruptId: id, status: "cancelled" })));
      expect(messagesOf(await away.client.settled(), "tool")[0]?.["metadata"]).toEqual({ status: "denied" });
    });

    test("approval: who turns away with another question gets the answer to that", async () => {
      const { client, interrupts } = await ask();
      const away = interrupts.map(({ id }) => ({ interruptId: id, status: "cancelled" }));
      client.turnAway(away, asks.numbered(9));
      const standing = await client.settled();
      expect(answersIn(standing)).toEqual([numberedWords(9)]);
      expect(standing.interrupts).toEqual([]);
    });

    test("approval: neither a word that is no word counts, nor one with other arguments", async () => {
      const { client, interrupts } = await ask();
      client.resume(say(interrupts, {}));
      expect((await client.settled()).error).toContain("HTTP 400");
      client.resume(say(interrupts, { approved: true, editedArgs: { value: 7 } }));
      expect((await client.settled()).error).toContain("HTTP 400");
    });

    test("approval: what another device has decided goes on, and is said", async () => {
      const { client, interrupts } = await ask();
      const other = await open({ threadId: client.threadId });
      other.attach();
      const seen = await other.settled();
      expect(seen.interrupts.map(({ id }) => id)).toEqual(interrupts.map(({ id }) => id));
      other.resume(say(seen.interrupts, { approved: true }));
      await other.settled();
      client.resume(say(interrupts, { approved: false }));
      const after = await client.settled();
      expect(after.ok).toBe(true);
      expect(client.events(2).find(({ type }) => type === "CUSTOM")).toMatchObject({ value: { code: "CONFLICT" } });
      expect(messagesOf(after, "tool")[0]?.content).toContain("42");
      expect(after.interrupts).toEqual([]);
    });

    test("approval: another user's interrupts are nobody else's", async () => {
      const { client, interrupts } = await ask();
      const stranger = await open({ user: "bert", threadId: client.threadId });
      stranger.ask("hello");
      await stranger.settled();
      stranger.resume(say(interrupts, { approved: true }));
      await eventually(async () => (await stranger.settled()).error?.includes("HTTP 404") === true, {
        what: "the refusal",
      });
    });
  });
});
