import type { Outcome, StoredEvent, TurnRequest } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { chunk, sendJson, sendStream, startProvider, writeChunks, type Answer } from "./model/fake-provider.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

const breaks =
  (text: string): Answer =>
  (res) => {
    writeChunks(res, chunk({ content: text }));
    setTimeout(() => res.destroy(), 100);
  };
const says =
  (text: string): Answer =>
  (res) =>
    sendStream(res, chunk({ content: text }), chunk({}, "stop"));
const begins =
  (text: string): Answer =>
  (res) =>
    writeChunks(res, chunk({ content: text }));
const empty: Answer = (res) => sendStream(res, chunk({ reasoning: "hm" }), chunk({}, "stop"));
const refuses: Answer = (res) => sendJson(res, 401, { error: { message: "no" } });
const hangs: Answer = () => {};

/** One answer of the model for each request, the last one for all that follow. */
function play(answers: readonly Answer[]) {
  return startProvider((res, request, turn) => answers[Math.min(turn, answers.length - 1)]?.(res, request, turn));
}

/** What holds however a turn ends: viewers have what is stored. */
async function endOf(bench: Workbench, turn: TurnRequest): Promise<{ end: Outcome; events: StoredEvent[] }> {
  const end = await bench.ended(turn);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expectSoundChain(events);
  expect(textOf(events)).toBe(end.response);
  const { turns } = await bench.bus.transcripts.tail(turn.conversation_id, { limit: 10 });
  expect(turns.at(-1)?.answer?.message).toBe(end.response);
  return { end, events };
}

/** One system for all turns that lose no worker: the model's answers are looked up by the question. */
async function startShared() {
  const scripts = new Map<string, { answers: readonly Answer[]; requests: number }>();
  const provider = await startProvider((res, request, turn) => {
    const script = [...scripts].find(([question]) => JSON.stringify(request.body["messages"]).includes(question))?.[1];
    if (script === undefined) return sendJson(res, 404, {});
    const answer = script.answers[Math.min(script.requests++, script.answers.length - 1)];
    answer?.(res, request, turn);
  });
  const bench = await startWorkbench();
  await bench.addWorker({ OPENAI_BASE_URL: provider.baseURL });
  return {
    async answered(answers: readonly Answer[]) {
      const question = `question ${scripts.size}.`;
      const script = { answers, requests: 0 };
      scripts.set(question, script);
      return { ...(await endOf(bench, await bench.ask(question))), requests: script.requests };
    },
    async [Symbol.asyncDispose]() {
      await bench[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

let shared: Awaited<ReturnType<typeof startShared>>;
beforeAll(async () => void (shared = await startShared()));
afterAll(() => shared[Symbol.asyncDispose]());
const answered = (answers: readonly Answer[]) => shared.answered(answers);

const restarts = (events: readonly StoredEvent[]) => events.filter(({ type }) => type === "turn_restarted");

describe("P1, P2: text that viewers saw stays", () => {
  it("when the model breaks off and the next attempt fails", async () => {
    const { end, events } = await answered([breaks("Hello, wor"), refuses]);
    expect(end).toMatchObject({ type: "error", code: "MODEL_UNAVAILABLE", response: "Hello, wor" });
    expect(restarts(events)).toEqual([]);
  });

  it("when the next attempt has reasoning only, and then breaks off", async () => {
    const thinks: Answer = (res) => (writeChunks(res, chunk({ reasoning: "hm" })), setTimeout(() => res.destroy(), 50));
    const { end, events } = await answered([breaks("Hello, wor"), thinks]);
    expect(end).toMatchObject({ type: "error", code: "MODEL_TRUNCATED", response: "Hello, wor" });
    expect(restarts(events)).toEqual([]);
  });

  it("when the next attempt is empty", async () => {
    const { end, events } = await answered([breaks("Hello, wor"), empty]);
    expect(end).toMatchObject({ type: "error", code: "MODEL_TRUNCATED", response: "Hello, wor" });
    expect(restarts(events)).toEqual([]);
  });

  it("until the next attempt has other text, which stays when that breaks off too", async () => {
    const { end, events, requests } = await answered([breaks("Hello, wor"), breaks("Good ev")]);
    expect(end).toMatchObject({ type: "error", code: "MODEL_TRUNCATED", response: "Good ev" });
    expect(restarts(events)).toMatchObject([{ text: "" }]);
    expect(requests).toBe(2);
  });

  it("and goes when the next attempt answers", async () => {
    const { end, events } = await answered([breaks("Hello, wor"), says("Good evening.")]);
    expect(end).toMatchObject({ type: "complete", response: "Good evening.", metadata: { finish: "stop" } });
    expect(restarts(events)).toHaveLength(1);
  });
});

/** A turn whose worker is killed once viewers have text of it; another goes on. */
async function takenOver(answers: readonly Answer[], then: (bench: Workbench, turn: TurnRequest) => Promise<void>) {
  await using provider = await play([begins("Hello, wor"), ...answers]);
  await using bench = await startWorkbench();
  const env = { OPENAI_BASE_URL: provider.baseURL };
  const first = await bench.addWorker(env);
  const turn = await bench.ask("hello");
  await bench.seen(turn, ({ type }) => type === "token");
  const second = bench.addWorker(env);
  await first.kill("SIGKILL");
  await second;
  await expect.poll(() => provider.requests.length, { timeout: 15_000 }).toBeGreaterThan(1);
  await then(bench, turn);
  return await endOf(bench, turn);
}

describe("P1, P2: text of a worker that was lost stays", () => {
  it("when the next one's model fails", async () => {
    const { end, events } = await takenOver([refuses], async () => {});
    expect(end).toMatchObject({ type: "error", code: "MODEL_UNAVAILABLE", response: "Hello, wor" });
    expect(end.usage).toMatchObject({ estimated: true });
    expect(restarts(events)).toEqual([]);
  });

  it("when the turn is cancelled before the next one has text", async () => {
    const { end, events } = await takenOver([hangs], (bench, turn) => bench.cancel(turn));
    expect(end).toMatchObject({ type: "cancelled", response: "Hello, wor" });
    expect(restarts(events)).toEqual([]);
  });

  it("until the next one has other text", async () => {
    const { end, events } = await takenOver([says("Good evening.")], async () => {});
    expect(end).toMatchObject({ type: "complete", response: "Good evening." });
    const from = events.findIndex(({ type }) => type === "turn_restarted");
    expect(events.slice(from, from + 2)).toMatchObject([
      { text: "", attempt: 2 },
      { type: "token", attempt: 2 },
    ]);
  });
});

describe("P1: what is not whole says so", () => {
  it.each(["length", "content_filter"])("%s", async (finish) => {
    const { end, requests } = await answered([
      (res) => sendStream(res, chunk({ content: "Hello, wor" }), chunk({}, finish)),
    ]);
    expect(end).toMatchObject({ type: "complete", response: "Hello, wor", metadata: { finish } });
    expect(requests).toBe(1);
  });

  it("an answer without text, which is asked for once more and then has a sentence for people", async () => {
    const { end, requests } = await answered([empty]);
    const response = "The language model gave no answer.";
    expect(end).toMatchObject({ type: "complete", response, metadata: { finish: "empty" } });
    expect(requests).toBe(2);
  });

  it("an answer of blanks, in the same way", async () => {
    const { end, requests } = await answered([(res) => sendStream(res, chunk({ content: " \n" }), chunk({}, "stop"))]);
    expect(end).toMatchObject({ type: "complete", metadata: { finish: "empty" } });
    expect(end.response.trim()).toBe("The language model gave no answer.");
    expect(requests).toBe(2);
  });

  it("an answer without text, as often as is configured", async () => {
    await using provider = await play([empty, empty, says("At last.")]);
    await using bench = await startWorkbench();
    await bench.addWorker({ OPENAI_BASE_URL: provider.baseURL, MODEL_EMPTY_RETRIES: "2" });
    const { end } = await endOf(bench, await bench.ask("hello"));
    expect(end).toMatchObject({ type: "complete", response: "At last.", metadata: { finish: "stop" } });
    expect(provider.requests).toHaveLength(3);
  });

  it("a reason that nobody knows", async () => {
    const { end } = await answered([(res) => sendStream(res, chunk({ content: "x" }), chunk({}, "moonlight"))]);
    expect(end).toMatchObject({ type: "complete", response: "x", metadata: { finish: "other" } });
  });
});

it.each([
  { prompt_tokens: -5, completion_tokens: 3 },
  { prompt_tokens: "many" },
  { prompt_tokens: 1e300 },
  { prompt_tokens: 1.5 },
])("usage that makes no sense (%j) costs nobody an answer that is paid for", async (usage) => {
  const { end, requests } = await answered([
    (res) => sendStream(res, chunk({ content: "Hello" }), { ...chunk({}, "stop"), usage }),
  ]);
  expect(end).toMatchObject({ type: "complete", response: "Hello" });
  expect(end.usage.input_tokens).toBeGreaterThan(0);
  expect(requests).toBe(1);
});
