import { randomUUID } from "node:crypto";
import { subjects, type TurnRequest } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { chunk, sendStream, startProvider, writeChunks } from "./model/fake-provider.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

type Message = { role: string; content: string | null };
const bytesPerToken = 3.6;

/** A provider that counts tokens, and knows of a conversation what it is shown of it: one fact. */
async function startCounting({ summaryMs = 0 } = {}) {
  const counts: number[] = [];
  const asked: string[] = [];
  const provider = await startProvider((res, { body }) => {
    const messages = body["messages"] as Message[];
    const all = messages.map(({ content }) => content ?? "").join("\n");
    const tokens = Math.ceil(Buffer.byteLength(JSON.stringify(messages)) / bytesPerToken);
    const fact = /my number is (\d+)/i.exec(all)?.[1];
    const usage = {
      ...chunk({}),
      choices: [],
      usage: { prompt_tokens: tokens, completion_tokens: 5, total_tokens: 0 },
    };
    const answer = (text: string): void =>
      sendStream(res, chunk({ role: "assistant", content: text }), chunk({}, "stop"), usage);
    if (messages[0]?.content?.startsWith("Summarise this conversation")) {
      asked.push(messages[1]?.content ?? "");
      const summary = fact === undefined ? "Nothing was said." : `The user said: my number is ${fact}.`;
      setTimeout(() => answer(summary), summaryMs);
      return;
    }
    counts.push(tokens);
    const isAsked = messages.at(-1)?.content?.includes("What is my number") === true;
    answer(isAsked ? `It is ${fact ?? "unknown"}.` : `Noted: ${"and so on ".repeat(12)}`);
  });
  const env = { OPENAI_BASE_URL: provider.baseURL, OPENAI_MODEL: "test-model", SUMMARIES: "on" };
  return { ...provider, counts, asked, env };
}

const conversationOf = () => `c_${randomUUID()}`;

async function talk(bench: Workbench, conversation: string, turns: number): Promise<TurnRequest | undefined> {
  let turn: TurnRequest | undefined;
  for (let n = 0; n < turns; n++) {
    turn = await bench.ask(`This is message ${n}. ${"Something is said here. ".repeat(6)}`, { conversation });
    expect(await bench.ended(turn)).toMatchObject({ type: "complete" });
  }
  return turn;
}

it(
  "keeps a conversation of 200 turns within its tokens, and answers about its beginning",
  { timeout: 240_000 },
  async () => {
    await using bench = await startWorkbench();
    await using provider = await startCounting();
    const tokens = 2_600;
    await bench.addWorker({ ...provider.env, CONTEXT_TOKENS: String(tokens) });
    const conversation = conversationOf();
    await bench.ended(await bench.ask("My number is 4711.", { conversation }));
    await talk(bench, conversation, 198);
    const last = await bench.ended(await bench.ask("What is my number?", { conversation }));
    expect(last).toMatchObject({ type: "complete", response: "It is 4711." });
    expect(provider.counts).toHaveLength(200);
    expect(Math.max(...provider.counts)).toBeLessThanOrEqual(tokens);
    // No turn was asked for twice, and none was left out.
    const told = provider.asked.flatMap((text) =>
      [...text.matchAll(/This is message (\d+)\./g)].map(([, n]) => Number(n)),
    );
    expect(told).toEqual(told.map((_, n) => n));
    expect(told.length).toBeGreaterThan(150);
    await bench.bus.conversations.purge(conversation);
    expect(await bench.bus.summaries.of(conversation)).toBeUndefined();
  },
);

it("asks once for the same turns, whichever of two workers they end at", { timeout: 120_000 }, async () => {
  await using bench = await startWorkbench();
  await using provider = await startCounting({ summaryMs: 700 });
  const bounds = { HISTORY_MESSAGES: "12" };
  await bench.addWorker({ ...provider.env, ...bounds });
  await bench.addWorker({ ...provider.env, ...bounds });
  const conversation = conversationOf();
  await talk(bench, conversation, 24);
  const summary = () => bench.bus.summaries.of(conversation);
  await eventually(async () => (await summary()) !== undefined, { what: "a summary" });
  await eventually(async () => (await bench.bus.summaries.placeOf(conversation)).askedAt === undefined, {
    what: "the last",
  });
  const told = provider.asked.flatMap((text) =>
    [...text.matchAll(/This is message (\d+)\./g)].map(([, n]) => Number(n)),
  );
  expect(told).toEqual(told.map((_, n) => n));
});

it("goes on with the summary that counts where a worker was killed while it asked", { timeout: 120_000 }, async () => {
  await using bench = await startWorkbench();
  await using provider = await startCounting();
  const conversation = conversationOf();
  const first = await bench.addWorker({ ...provider.env, HISTORY_MESSAGES: "12" });
  await bench.ended(await bench.ask("My number is 4711.", { conversation }));
  await talk(bench, conversation, 5);
  await eventually(() => bench.bus.summaries.of(conversation), { what: "the first summary" });
  await first.kill("SIGKILL");
  // As the killed worker would have left it, had it asked for more just before.
  const place = await bench.bus.summaries.placeOf(conversation);
  const asked = await bench.bus.summaries.ask(conversation, place, { turn_id: "t", seq: 1_000_000 });
  expect(asked).toBeGreaterThan(place.seq);
  expect((await bench.bus.summaries.of(conversation))?.text).toContain("4711");
  const count = provider.asked.length;
  await bench.addWorker({ ...provider.env, HISTORY_MESSAGES: "12" });
  await talk(bench, conversation, 3);
  const end = await bench.ended(await bench.ask("What is my number?", { conversation }));
  expect(end).toMatchObject({ response: "It is 4711." });
  expect(provider.asked).toHaveLength(count);
});

it("stores nothing of a conversation that was deleted while the model was asked", { timeout: 120_000 }, async () => {
  await using bench = await startWorkbench();
  await using provider = await startCounting({ summaryMs: 1_500 });
  const conversation = conversationOf();
  await bench.addWorker({ ...provider.env, HISTORY_MESSAGES: "12" });
  await talk(bench, conversation, 6);
  await eventually(() => provider.asked.length > 0, { what: "the question for a summary" });
  await bench.bus.conversations.purge(conversation);
  const { seq } = await bench.bus.summaries.placeOf(conversation);
  expect(seq).toBeGreaterThan(0);
  await new Promise((done) => setTimeout(done, 2_500));
  expect(await bench.bus.summaries.placeOf(conversation)).toEqual({ seq, summary: undefined, askedAt: undefined });
});

it(
  "looks nothing up, asks nothing and stores nothing where it is switched off, or a conversation is short",
  { timeout: 120_000 },
  async () => {
    await using bench = await startWorkbench();
    await using provider = await startCounting();
    const [long, short] = [conversationOf(), conversationOf()];
    const off = await bench.addWorker({ ...provider.env, HISTORY_MESSAGES: "12", SUMMARIES: "off" });
    await talk(bench, long, 9);
    await off.kill("SIGKILL");
    await bench.addWorker({ ...provider.env, HISTORY_MESSAGES: "12" });
    await talk(bench, short, 3);
    expect(provider.asked).toEqual([]);
    for (const conversation of [long, short]) expect((await bench.bus.summaries.placeOf(conversation)).seq).toBe(0);
    expect(subjects.summary(0, short)).toBe(`chat.summary.0.${short}`);
  },
);

it("answers all the same where the model gives no summary", { timeout: 120_000 }, async () => {
  await using bench = await startWorkbench();
  await using provider = await startProvider((res, { body }) => {
    const messages = body["messages"] as Message[];
    if (!messages[0]?.content?.startsWith("Summarise")) {
      return sendStream(res, chunk({ content: "Yes." }), chunk({}, "stop"));
    }
    writeChunks(res, chunk({ content: "half a sum" }));
    res.destroy();
  });
  const env = {
    OPENAI_BASE_URL: provider.baseURL,
    OPENAI_MODEL: "test-model",
    SUMMARIES: "on",
    HISTORY_MESSAGES: "12",
  };
  const worker = await bench.addWorker(env);
  const conversation = conversationOf();
  await talk(bench, conversation, 8);
  await eventually(
    async () =>
      /parley_summaries_total\{.*result="failed".*\} [1-9]/.test(
        await (await fetch(`http://127.0.0.1:${worker.adminPort}/metrics`)).text(),
      ),
    { what: "the failure in the figures" },
  );
  expect(await bench.bus.summaries.of(conversation)).toBeUndefined();
});
