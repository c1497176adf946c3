import { createClient, type Client, type Conversation } from "@parley/client";
import { strict } from "@parley/client/strict";
import { pendingApprovals } from "@parley/protocol";
import { eventually, shownTurn } from "@parley/testkit";
import { WebSocket } from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

describe("@parley/client (parley.v1)", () => {
  let world: ConformanceWorld;
  let client: Client;

  beforeAll(async () => {
    world = await startConformanceWorld();
    client = createClient({
      ...strict,
      url: `ws://127.0.0.1:${world.proxy.port}/ws/chat`,
      token: await world.token(),
      WebSocket,
      backoff: { minMs: 50, maxMs: 500 },
    });
    await client.connect();
  });
  afterAll(async () => {
    client.close();
    await world[Symbol.asyncDispose]();
  });

  async function ask(message: string) {
    const chat = client.conversation();
    const { turn_id } = await chat.send(message);
    const turn = () => shownTurn(chat.view, turn_id);
    return { chat, turn_id, turn, end: () => chat.untilEnd(turn_id) };
  }
  const longer = (chat: Conversation, turn: string, chars: number) =>
    eventually(() => (shownTurn(chat.view, turn)?.text.length ?? 0) > chars, { what: "some text", timeoutMs: 30_000 });
  const partTypes = (chat: Conversation) => chat.view.turns.at(-1)?.parts.map(({ type }) => type);

  it("text: is the stored answer", async () => {
    const { turn, end } = await ask(asks.numbered(40));
    expect(await end()).toMatchObject({ type: "complete", response: numberedWords(40) });
    expect(turn()?.text).toBe(numberedWords(40));
  });

  it("usage: is in the end", async () => {
    const { end } = await ask(asks.numbered(5));
    const { usage } = await end();
    expect(usage.output_tokens).toBeGreaterThan(0);
  });

  it("reasoning: is a part of its own", async () => {
    const { chat, end } = await ask(asks.reasoning);
    await end();
    expect(partTypes(chat)).toEqual(["reasoning", "text"]);
  });

  it("tools: stand between the text, with their results", async () => {
    const { end } = await ask(asks.tool);
    expect(await end()).toMatchObject({
      type: "complete",
      tool_calls: [{ tool_name: "k8s_list_pods", status: "completed" }],
    });
  });

  it("parallel tools: two calls of one step", async () => {
    const { end } = await ask(asks.parallelTools);
    expect((await end()).tool_calls.map(({ status }) => status)).toEqual(["completed", "completed"]);
  });

  it("progress: steps of the work are told", async () => {
    const chat = client.conversation();
    const types = new Set<string>();
    chat.on("frame", ({ type }) => types.add(type));
    const { turn_id } = await chat.send(asks.tool);
    await chat.untilEnd(turn_id);
    expect([...types]).toEqual(expect.arrayContaining(["thinking", "progress"]));
  });

  it.each([true, false])("approval: is asked for and decided (%s)", async (approved) => {
    const { chat, end } = await ask(asks.approval);
    await eventually(() => pendingApprovals(chat.view).length === 1, { what: "the question", timeoutMs: 20_000 });
    await chat.approve(pendingApprovals(chat.view)[0]?.call.call_id ?? "", approved);
    const status = approved ? "completed" : "denied";
    expect(await end()).toMatchObject({ type: "complete", tool_calls: [{ status }] });
  });

  it("stop: ends the turn with the text so far", async () => {
    const { chat, turn_id, turn, end } = await ask(asks.numbered(3_000, 40));
    await longer(chat, turn_id, 50);
    chat.cancel(turn_id);
    const ended = await end();
    expect(ended.type).toBe("cancelled");
    expect(turn()?.text).toBe(ended.response);
  });

  it("resume: goes on after cuts, through another edge", async () => {
    const { chat, turn_id, turn, end } = await ask(asks.numbered(200, 40));
    for (const chars of [60, 400]) {
      await longer(chat, turn_id, chars);
      world.proxy.sever();
      world.proxy.heal();
    }
    expect((await end()).response).toBe(numberedWords(200));
    expect(turn()?.text).toBe(numberedWords(200));
  });

  it("takeover: the answer goes on when its worker is killed", async () => {
    const { chat, turn_id, turn, end } = await ask(asks.numbered(200, 40));
    await longer(chat, turn_id, 60);
    for (const worker of world.system.agentWorkers) await worker.restart();
    expect((await end()).response).toBe(numberedWords(200));
    expect(turn()?.text).toBe(numberedWords(200));
  });

  it("error: has a code and a sentence", async () => {
    const { end } = await ask(asks.error);
    expect(await end()).toMatchObject({ type: "error", code: expect.any(String), error: expect.any(String) });
  });
});
