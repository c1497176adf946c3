import { isTerminal } from "@parley/protocol";
import { startTcpProxy } from "@parley/testkit";
import { expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

const endless = "tokens=2000 rate=40";

async function upstream(bench: Workbench): Promise<{ state: string }[]> {
  return (await fetch(`http://127.0.0.1:${bench.model.port}/sim/requests`)).json() as Promise<{ state: string }[]>;
}

it("cancels in mid-answer: keeps the text so far and closes the request to the model", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const turn = await bench.ask("hello", { sim: endless });
  await bench.seen(turn, ({ type }) => type === "token");
  await bench.cancel(turn);
  const end = await bench.ended(turn);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(end.type).toBe("cancelled");
  expect(end.response).not.toBe("");
  expect(textOf(events)).toBe(end.response);
  expectSoundChain(events);
  const { turns } = await bench.bus.transcripts.tail(turn.conversation_id, { limit: 2 });
  expect(turns[0]?.answer).toMatchObject({ status: "cancelled", message: end.response });
  await expect.poll(async () => (await upstream(bench))[0]?.state).toBe("client_closed");
});

it("carries out what was asked while its connection to the broker was broken", async () => {
  await using bench = await startWorkbench();
  await using proxy = await startTcpProxy({ targets: [bench.nats.port] });
  await bench.addWorker({ NATS_URL: `nats://127.0.0.1:${proxy.port}`, ACK_WAIT_MS: "60000" });
  const turn = await bench.ask("hello", { sim: endless });
  await bench.seen(turn, ({ type }) => type === "token");
  proxy.sever();
  await bench.cancel(turn);
  proxy.heal();
  expect(await bench.ended(turn)).toMatchObject({ type: "cancelled", attempt: 1 });
});

it("cancels before the first token", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const turn = await bench.ask("hello", { sim: "hang=headers" });
  await bench.seen(turn, ({ type }) => type === "thinking");
  await bench.cancel(turn);
  expect(await bench.ended(turn)).toMatchObject({ type: "cancelled", response: "" });
});

it("cancels a turn that waits for an earlier one, and leaves that one alone", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const first = await bench.ask("hello", { sim: endless });
  const second = await bench.ask("again", { conversation: first.conversation_id });
  await bench.seen(first, ({ type }) => type === "token");
  await bench.cancel(second);
  expect(await bench.ended(second)).toMatchObject({ type: "cancelled", response: "" });
  expect((await bench.events(first)).some(({ event }) => isTerminal(event.type))).toBe(false);
  await bench.cancel(first);
  expect((await bench.ended(first)).type).toBe("cancelled");
  await expect.poll(() => bench.bus.turns.waiting(first.conversation_id)).toEqual([]);
});

it("ends a waiting turn whose cancel nobody heard", async () => {
  await using bench = await startWorkbench();
  const first = await bench.ask("hello", { sim: endless });
  const second = await bench.ask("again", { conversation: first.conversation_id });
  // Stored while no worker listens: only the log knows.
  await bench.cancel(second);
  await bench.addWorker();
  expect(await bench.ended(second)).toMatchObject({ type: "cancelled", response: "" });
  expect((await bench.events(first)).some(({ event }) => isTerminal(event.type))).toBe(false);
});

it("ends a turn that was cancelled while no worker was there", async () => {
  await using bench = await startWorkbench();
  const turn = await bench.ask("hello", { sim: endless });
  await bench.cancel(turn);
  await bench.addWorker();
  expect(await bench.ended(turn)).toMatchObject({ type: "cancelled", response: "" });
});
