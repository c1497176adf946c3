import { connectRedis, createLogSizes } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { messagesOf } from "@parley/protocol";
import { expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { startWorkbench } from "./workbench.ts";

it("answers a turn: streamed text, transcript and queue agree", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const turn = await bench.ask("hello", { sim: "tokens=50 rate=0" });
  const end = await bench.ended(turn);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(end).toMatchObject({ type: "complete", usage: { output_tokens: 50 } });
  expect(events[0]).toMatchObject({ type: "message", message: turn.message });
  expect(textOf(events)).toBe(end.response);
  expect(end.response.split(/\s+/)).toHaveLength(50);
  expectSoundChain(events);
  const { turns } = await bench.bus.transcripts.tail(turn.conversation_id, { limit: 10 });
  expect(messagesOf(turns).map(({ message }) => message)).toEqual([turn.message, end.response]);
  await expect.poll(() => bench.bus.turns.waiting(turn.conversation_id)).toEqual([]);
});

it("counts what a turn takes in the log, for its user", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const turn = await bench.ask("hello", { sim: "tokens=50 rate=0", user: "ann" });
  const { response } = await bench.ended(turn);
  const redis = connectRedis({
    url: bench.redis.url,
    role: "cache",
    log: createLogger({ service: "test", level: "silent", format: "json" }),
  });
  const bytes = async (): Promise<number> =>
    (
      await createLogSizes(redis)
        .of({ user: "ann" })
        .catch(() => ({ user: 0 }))
    ).user;
  await expect.poll(bytes).toBeGreaterThan(response.length + turn.message.length);
  redis.disconnect();
});

it("gives the model the conversation so far", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const first = await bench.ask("My cat is called Miez.");
  await bench.ended(first);
  const second = await bench.ask("What did I ask before?", { conversation: first.conversation_id });
  expect((await bench.ended(second)).response).toContain("Miez");
});

it("ends a turn with an error when the model refuses for good", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const turn = await bench.ask("hello", { sim: "status=401" });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "error", code: "MODEL_UNAVAILABLE" });
  expectSoundChain((await bench.events(turn)).map(({ event }) => event));
});
