import { once } from "node:events";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { expect, it } from "vitest";
import { constantsOf, notesOf, type NamedRow } from "../../loadtest/bench/turns/results.ts";
import { createModelServer, createRequestReader } from "../../loadtest/bench/turns/model-server.ts";
import { drawTurns } from "../../loadtest/bench/turns/plot.ts";
import { findSaturation, lateFirstMs } from "../../loadtest/bench/turns/saturation.ts";
import type { SteadyRow } from "../../loadtest/bench/turns/steady.ts";
import { answerTo, questionFor, usual, wishIn, type Workload } from "../../loadtest/bench/turns/workload.ts";

const quick: Workload = { ...usual, tokens: 7, rate: 200 };

async function startModel() {
  const server = createModelServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/chat/completions`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

function bodyFor(workload: Workload, ...more: object[]): string {
  const messages = [
    { role: "user", content: questionFor({ ...usual, tokens: 99 }) },
    { role: "user", content: questionFor(workload) },
  ];
  return JSON.stringify({ model: "bench", stream: true, messages: [...messages, ...more] });
}

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string; readonly tool_calls?: unknown[] } }[];
}

async function ask(url: string, body: string): Promise<{ text: string; calls: number; lines: string[]; ms: number }> {
  const beganAt = performance.now();
  const response = await fetch(url, { method: "POST", body, headers: { connection: "close" } });
  const lines = (await response.text()).split("\n\n").filter((line) => line !== "");
  const deltas = lines
    .slice(0, -1)
    .flatMap((line) => (JSON.parse(line.slice("data: ".length)) as Chunk).choices.map(({ delta }) => delta));
  return {
    text: deltas.map(({ content }) => content ?? "").join(""),
    calls: deltas.filter(({ tool_calls: calls }) => calls !== undefined).length,
    lines,
    ms: performance.now() - beganAt,
  };
}

it("answers the last question of a request, at its rate, with numbered words", async () => {
  await using model = await startModel();
  const { text, lines, ms } = await ask(model.url, bodyFor(quick));
  expect(text).toBe(answerTo(quick));
  expect(lines.at(-1)).toBe("data: [DONE]");
  expect(ms).toBeGreaterThanOrEqual(30);
});

it("calls a tool first where the question says so, and answers when it has the result", async () => {
  await using model = await startModel();
  const workload = { ...quick, hasTool: true };
  expect(await ask(model.url, bodyFor(workload))).toMatchObject({ text: "", calls: 1 });
  const result = { role: "tool", tool_call_id: "call_1", content: "{}" };
  expect(await ask(model.url, bodyFor(workload, result))).toMatchObject({ text: answerTo(workload), calls: 0 });
});

it("answers all at once where no rate is asked for", async () => {
  await using model = await startModel();
  const workload = { ...quick, tokens: 300, rate: 0 };
  expect((await ask(model.url, bodyFor(workload))).text).toBe(answerTo(workload));
});

it("reads a request however the network cuts it", () => {
  const body = bodyFor(quick);
  const request = Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  fc.assert(
    fc.property(fc.array(fc.nat(request.length), { maxLength: 6 }), (cuts) => {
      const seen: string[] = [];
      const read = createRequestReader((bytes) => void seen.push(bytes.toString()));
      const places = [0, ...cuts.toSorted((a, b) => a - b), request.length];
      for (const [index, place] of places.slice(1).entries()) {
        const bytes = request.subarray(places[index], place);
        if (bytes.length > 0) read(bytes);
      }
      expect(seen).toEqual([body]);
    }),
  );
});

it("understands its own directive", () => {
  expect(wishIn(Buffer.from(questionFor(quick)))).toEqual({ tokens: 7, rate: 200, callsTool: false });
});

it.each([
  [130, [50, 100, 200, 400], 150],
  [520, [200, 400, 600], 550],
  [30, [200], 50],
  [1_500, [1_000], 1_550],
  [9_000, [1_000], undefined],
])("finds that more than %d people wait too long, beginning with %j", async (most, rows, found) => {
  const probe = (people: number) => ({ people, firstP95Ms: people > most ? lateFirstMs + 1 : 10 });
  const { people } = await findSaturation(rows.map(probe), async (count) => probe(count));
  expect(people).toBe(found);
});

function row(people: number, worker: number): SteadyRow {
  return {
    ...{ people, turnsPerSecond: 80, firstMs: { p50: 5, p95: 12 }, beyondMs: { p50: 5, p95: 12 }, cpuMs: { worker } },
    ...{
      totalMs: worker,
      workerGrewMb: 1,
      workerBaseMb: 1,
      openAnswers: 0,
      cores: { model: 0, people: 0, system: 0, others: 0.1 },
      outcomes: {},
    },
  };
}

const rows: readonly NamedRow[] = [
  { part: "people", workload: usual, row: row(50, 11) },
  { part: "people", workload: usual, row: row(200, 7.6) },
  { part: "short", workload: { ...usual, tokens: 4 }, row: row(200, 2) },
  { part: "tool", workload: { ...usual, hasTool: true }, row: row(50, 16) },
];

it("takes what a turn, a token and a tool call cost from rows that differ in one of them", () => {
  const [worker] = constantsOf(rows);
  expect(worker).toEqual({ part: "worker", turnMs: 1.6, tokenMicros: 100, toolCallMs: 5 });
});

it("warns when something else used the processors", () => {
  const noisy = { ...row(200, 7), cores: { model: 0, people: 0, system: 1, others: 0.8 } };
  const about = { name: "parley", title: "Parley", saturation: undefined, faults: [], openTurnKb: undefined } as const;
  expect(notesOf([{ ...about, rows }]).join("\n")).not.toContain("Caution");
  expect(notesOf([{ ...about, rows: [{ part: "people", workload: usual, row: noisy }] }])[0]).toContain("0.8 cores");
});

it("draws a line for each system and escapes what it is given", () => {
  const result = {
    name: "parley",
    title: "A & B",
    rows,
    saturation: undefined,
    faults: [],
    openTurnKb: undefined,
  } as const;
  const svg = drawTurns([result], "a < b");
  expect(svg.match(/<polyline/g)).toHaveLength(1);
  expect(svg).toContain("A &amp; B");
  expect(svg).toContain("a &lt; b");
  expect(svg).not.toContain("NaN");
});
