import { randomUUID } from "node:crypto";
import { openBus } from "@parley/bus";
import {
  ConversationEventFrame,
  EventFrame,
  SnapshotFrame,
  createView,
  foldFrame,
  streams,
  subjects,
  textOf,
  type ConversationView,
  type TurnView,
} from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startTcpProxy } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { hasClients, runClient, type ClientLine, type ClientRun } from "./client-run.ts";
import { runExample } from "./page-example.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

const Frame = z.union([EventFrame, ConversationEventFrame, SnapshotFrame]);

/** What a reader has, by the one fold that all clients use. */
function fold(conversation: string, lines: readonly ClientLine[]): ConversationView {
  const frames = lines.filter(({ type }) => type === "item").map(({ item }) => Frame.parse(item));
  return frames.reduce(foldFrame, createView(conversation));
}

const Accepted = z.object({ response: z.string() });

describe.skipIf(!hasClients)("Durable Streams (client 0.2.7)", () => {
  let world: ConformanceWorld;
  let token: string;
  beforeAll(async () => {
    world = await startConformanceWorld();
    token = await world.token();
  }, 60_000);
  afterAll(() => world[Symbol.asyncDispose]());

  const headers = (): Record<string, string> => ({
    "content-type": "application/json",
    authorization: `Bearer ${token}`,
  });
  const send = (conversation_id: string, message: string): Promise<Response> =>
    fetch(`${world.url}/api/v1/chat`, {
      method: "POST",
      headers: headers(),
      body: JSON.stringify({ conversation_id, message }),
    });
  const addressOf = (conversation: string, url = world.url): string => `${url}/v1/conversations/${conversation}/stream`;
  const read = (conversation: string, how: object = {}, url = world.url): ClientRun =>
    runClient("durable-streams", {
      input: { url: addressOf(conversation, url), token, live: "sse", until: "complete", ...how },
    });
  const newName = (): string => `ds_${randomUUID()}`;
  /** Resolves when something of the conversation can be read. */
  const begun = async (conversation: string): Promise<void> => {
    await expect.poll(async () => (await fetch(addressOf(conversation), { headers: headers() })).status).toBe(200);
  };
  const only = (view: ConversationView): TurnView => {
    const [turn, ...others] = view.turns;
    if (turn === undefined || others.length > 0) throw new Error(`There are ${view.turns.length} turns.`);
    return turn;
  };

  test.each(["sse", "long-poll"])("text: a live answer is read as it comes, from the beginning (%s)", async (live) => {
    const conversation = newName();
    const answered = send(conversation, asks.numbered(100, 100));
    await begun(conversation);
    const client = read(conversation, { live });
    await client.until("done");
    const { response } = Accepted.parse(await (await answered).json());
    expect(response).toBe(numberedWords(100));
    const turn = only(fold(conversation, client.lines));
    expect(turn).toMatchObject({ status: "complete" });
    expect(textOf(turn)).toBe(response);
  });

  test("text: what is read once more is the same, message for message", async () => {
    const conversation = newName();
    await send(conversation, asks.numbered(30));
    const first = read(conversation, { live: false });
    const second = read(conversation, { live: false });
    await Promise.all([first.until("done"), second.until("done")]);
    const items = (client: ClientRun): unknown[] => client.lines.filter(({ type }) => type === "item");
    expect(items(first)).toEqual(items(second));
    expect(textOf(only(fold(conversation, first.lines)))).toBe(numberedWords(30));
  });

  test.each([
    ["reasoning", asks.reasoning, "reasoning"],
    ["tools", asks.tool, "tool_call"],
    ["parallel tools", asks.parallelTools, "tool_call"],
  ])("%s: is in the stream as it is in the conversation", async (_row, ask, type) => {
    const conversation = newName();
    await send(conversation, ask);
    const client = read(conversation);
    await client.until("done");
    const messages = z.object({
      messages: z.array(z.looseObject({ parts: z.array(z.looseObject({ type: z.string() })) })),
    });
    const stored = await fetch(`${world.url}/api/v1/conversations/${conversation}/messages`, { headers: headers() });
    const answer = messages.parse(await stored.json()).messages[1];
    const parts = only(fold(conversation, client.lines)).parts;
    expect(parts.map((part) => part.type)).toEqual(answer?.parts.map((part) => part.type));
    expect(parts.map((part) => part.type)).toContain(type);
  });

  const typesOf = (client: ClientRun): unknown[] =>
    client.lines.flatMap(({ type, item }) =>
      type === "item" ? z.looseObject({ type: z.string() }).parse(item).type : [],
    );

  test("progress: is in the stream", async () => {
    const conversation = newName();
    await send(conversation, asks.tool);
    const client = read(conversation);
    await client.until("done");
    expect(typesOf(client)).toContain("progress");
  });

  test("usage: is in the message that ends the turn", async () => {
    const conversation = newName();
    await send(conversation, asks.numbered(5));
    const client = read(conversation);
    await client.until("done");
    expect(only(fold(conversation, client.lines)).outcome).toMatchObject({
      usage: { output_tokens: expect.any(Number) },
    });
  });

  test("error: of a turn is a message; a stream goes on", async () => {
    const conversation = newName();
    await send(conversation, asks.error);
    const client = read(conversation, { until: "error" });
    await client.until("done");
    expect(only(fold(conversation, client.lines)).status).toBe("error");
  });

  test("approval: is asked for and decided in the stream", async () => {
    const conversation = newName();
    const answered = send(conversation, asks.approval);
    await begun(conversation);
    const client = read(conversation);
    const asked = async (): Promise<string | undefined> => {
      const found = client.lines.find((line) => line.type === "item" && isOf(line["item"], "approval_required"));
      return found && z.looseObject({ call_id: z.string() }).parse(found["item"]).call_id;
    };
    await expect.poll(asked, { timeout: 15_000 }).toBeDefined();
    const address = `${world.url}/api/v1/conversations/${conversation}/approvals/${await asked()}`;
    await fetch(address, { method: "POST", headers: headers(), body: JSON.stringify({ approved: true }) });
    await client.until("done");
    await answered;
    expect(typesOf(client)).toContain("approval_decided");
    expect(only(fold(conversation, client.lines)).status).toBe("complete");
  });

  test("stop: a cancelled turn is told as that", async () => {
    const conversation = newName();
    void send(conversation, asks.numbered(2_000, 50));
    await begun(conversation);
    const client = read(conversation, { until: "cancelled" });
    await expect.poll(() => typesOf(client)).toContain("token");
    const cancel = `${world.url}/api/v1/conversations/${conversation}/cancel`;
    await fetch(cancel, { method: "POST", headers: headers(), body: "{}" });
    await client.until("done");
    expect(only(fold(conversation, client.lines)).status).toBe("cancelled");
  });

  test("resume: a reader that is cut again and again has everything once", async () => {
    const conversation = newName();
    const answered = send(conversation, asks.numbered(200, 60));
    await begun(conversation);
    const client = read(conversation, {}, world.proxyUrl);
    for (let cut = 0; cut < 3; cut++) {
      const before = client.lines.length;
      await expect.poll(() => client.lines.length).toBeGreaterThan(before + 4);
      world.proxy.sever();
      world.proxy.heal();
    }
    await client.until("done");
    await answered;
    expect(textOf(only(fold(conversation, client.lines)))).toBe(numberedWords(200));
  });

  test("takeover: workers are killed in mid-answer, and the fold has no loss and no repeat", async () => {
    const conversation = newName();
    void send(conversation, asks.numbered(60, 20));
    await begun(conversation);
    const client = read(conversation);
    await expect.poll(() => typesOf(client)).toContain("token");
    for (const worker of world.system.agentWorkers) await worker.restart();
    await client.until("done");
    expect(textOf(only(fold(conversation, client.lines)))).toBe(numberedWords(60));
  });

  test("error: what is somebody else's, unknown, written, or no place is refused as the protocol says", async () => {
    const conversation = newName();
    await send(conversation, "hi");
    const status = async (url: string, init: RequestInit = {}): Promise<number> =>
      (await fetch(url, { headers: headers(), ...init })).status;
    const address = addressOf(conversation);
    const bob = { authorization: `Bearer ${await world.token("bob")}` };
    expect(await status(address, { headers: bob })).toBe(403);
    expect(await status(addressOf(newName()))).toBe(404);
    for (const method of ["PUT", "POST", "DELETE"]) expect(await status(address, { method })).toBe(405);
    expect(await status(`${address}?offset=12,3`)).toBe(400);
    expect(await status(`${address}?live=sse`)).toBe(400);
    expect(await status(`${address}?offset=0000000000000001`)).toBe(410);
    await fetch(`${world.url}/api/v1/conversations/${conversation}`, { method: "DELETE", headers: headers() });
    expect(await status(address)).toBe(404);
  });

  test("text: the page's own example runs as it stands", async () => {
    const example = await runExample("durable-streams.md", world.url);
    await expect.poll(example.output, { timeout: 20_000 }).toContain("complete");
  });

  test("text: a conversation whose events are forgotten begins with a snapshot that says the same", async () => {
    const conversation = newName();
    await send(conversation, asks.numbered(30));
    const log = createLogger({ service: "test", level: "silent", format: "json" });
    const bus = await openBus({ servers: world.system.nats.url, name: "test", log });
    const filter = subjects.eventsOf(0, conversation);
    await bus.nc.request(`$JS.API.STREAM.PURGE.${streams.events(0)}`, JSON.stringify({ filter }));
    await bus.close();
    const client = read(conversation, { live: false });
    await client.until("done");
    expect(typesOf(client)).toEqual(["snapshot"]);
    const { transcript } = fold(conversation, client.lines);
    expect(transcript.map(({ message }) => message)).toEqual([asks.numbered(30), numberedWords(30)]);
  });

  test("resume: an edge is killed in mid-answer, and another one goes on from the offset", async () => {
    const [first, dying] = world.edges;
    const conversation = newName();
    const answered = send(conversation, asks.numbered(120, 40));
    await begun(conversation);
    await using proxy = await startTcpProxy({ targets: [dying.port, first.port] });
    const client = read(conversation, {}, `http://127.0.0.1:${proxy.port}`);
    await expect.poll(() => typesOf(client)).toContain("token");
    await dying.kill("SIGKILL");
    await client.until("done");
    await answered;
    expect(textOf(only(fold(conversation, client.lines)))).toBe(numberedWords(120));
    await dying.restart();
  });
});

function isOf(item: unknown, type: string): boolean {
  return z.looseObject({ type: z.literal(type) }).safeParse(item).success;
}
