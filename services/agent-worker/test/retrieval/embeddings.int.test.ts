import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import path from "node:path";
import { createLogger } from "@parley/runtime";
import { tempDir } from "@parley/testkit";
import { expect, test } from "vitest";
import { createEmbeddingClient } from "../../src/model/embedding-client.ts";
import { fused } from "../../src/retrieval/fusion.ts";
import { loadKnowledge } from "../../src/retrieval/knowledge.ts";
import { createRetriever } from "../../src/retrieval/retriever.ts";
import { createSemanticIndex } from "../../src/retrieval/semantic-index.ts";
import { createVectorFolder, packed, similarity, sweep } from "../../src/retrieval/vector-store.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

/** A provider whose vectors say what a text is about: cars, boats, or neither. Each can be told to misbehave. */
async function provider() {
  const state = { dimensions: 4, mode: "well" as "well" | "slow" | "down" | "odd", texts: 0 };
  const vectorOf = (text: string): number[] => {
    const about = [/car|automobile/i.test(text) ? 1 : 0, /boat|vessel/i.test(text) ? 1 : 0, 0.05];
    return Array.from({ length: state.dimensions }, (_, nth) => about[nth] ?? 0);
  };
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const { input } = JSON.parse(Buffer.concat(pieces).toString()) as { input: string[] };
      if (state.mode === "down") return response.writeHead(503).end("{}");
      if (state.mode === "slow") return void setTimeout(() => response.end("{}"), 2_000);
      state.texts += input.length;
      const data = input.map((text, index) => ({ index, embedding: vectorOf(text) }));
      response.end(JSON.stringify({ data: state.mode === "odd" ? data.slice(1) : data.toReversed() }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    state,
    baseURL: `http://127.0.0.1:${port}/v1`,
    [Symbol.dispose]: (): void => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function documents() {
  const dir = await tempDir();
  await mkdir(path.join(dir.path, "docs"));
  await writeFile(
    path.join(dir.path, "docs/a.md"),
    "# One\nThe automobile needs petrol.\n# Two\nThe vessel needs wind.",
  );
  return dir;
}

async function retrieverOf(url: string, folder: string, vectors?: string) {
  const knowledge = await loadKnowledge(folder);
  const at = {
    name: "openai-compatible",
    baseURL: url,
    apiKey: "k",
    model: "m",
    simulated: false,
    headers: {},
  } as const;
  const store = vectors === undefined ? undefined : createVectorFolder(vectors);
  const semantic = createSemanticIndex({
    ...{ embed: createEmbeddingClient(at, "e"), model: "e", store, minSimilarity: 0.5, log },
  });
  semantic.prepare(knowledge.passages());
  await semantic.prepared();
  const { search } = createRetriever({ knowledge, tenants: undefined, semantic });
  const find = async (query: string): Promise<string[]> =>
    (await search({ query, collections: ["docs"], limit: 2, tenant: undefined })).map(({ heading }) => heading);
  return { find, semantic };
}

test("a passage that shares no word with the question is found by its meaning, and nothing that is about something else", async () => {
  await using dir = await documents();
  using server = await provider();
  const { find } = await retrieverOf(server.baseURL, dir.path);
  expect(await find("How do I fill up my car?")).toEqual(["One"]);
  expect(await find("Is my boat fast?")).toEqual(["Two"]);
  expect(await find("Who won the match?")).toEqual([]);
});

test.each(["slow", "down", "odd"] as const)(
  "words alone are searched within the deadline while the provider is %s",
  async (mode) => {
    await using dir = await documents();
    using server = await provider();
    const { find } = await retrieverOf(server.baseURL, dir.path);
    server.state.mode = mode;
    const began = performance.now();
    expect(await find("petrol for a car")).toEqual(["One"]);
    expect(performance.now() - began).toBeLessThan(1_000);
    // Nobody waits for it again at once.
    const again = performance.now();
    expect(await find("wind for a boat")).toEqual(["Two"]);
    expect(performance.now() - again).toBeLessThan(200);
  },
);

test("vectors are made once, whoever shares the folder, and again when the model's have another length", async () => {
  await using dir = await documents();
  await using vectors = await tempDir();
  using server = await provider();
  await Promise.all([1, 2].map(() => retrieverOf(server.baseURL, dir.path, vectors.path)));
  const made = server.state.texts;
  const { find } = await retrieverOf(server.baseURL, dir.path, vectors.path);
  expect(server.state.texts).toBe(made);
  expect(await find("my car")).toEqual(["One"]);

  server.state.dimensions = 8;
  const other = await retrieverOf(server.baseURL, dir.path, vectors.path);
  expect(await other.find("the car of mine")).toEqual([]);
  await other.semantic.prepared();
  expect(await other.find("that car there")).toEqual(["One"]);
  const files = (
    await Promise.all((await readdir(vectors.path)).map((part) => readdir(path.join(vectors.path, part))))
  ).flat();
  expect(files).toHaveLength(2);
  await sweep(vectors.path, 1);
  const left = (
    await Promise.all((await readdir(vectors.path)).map((part) => readdir(path.join(vectors.path, part))))
  ).flat();
  expect(left).toHaveLength(1);
});

test("a vector in bytes is as good as itself", () => {
  const vector = Float32Array.from({ length: 1_536 }, (_, nth) => Math.sin(nth * 7.3));
  const length = Math.hypot(...vector);
  const unit = vector.map((value) => value / length);
  expect(similarity(unit, packed(unit))).toBeCloseTo(1, 3);
  expect(similarity(unit.slice(1), packed(unit))).toBeUndefined();
});

test("who stands well in both lists comes first", () => {
  const passage = (id: string, score = 0.5) => ({
    id,
    score,
    collection: "c",
    file: "c/f",
    title: id,
    heading: id,
    text: id,
  });
  const byWords = ["a", "b", "c"].map((id) => passage(id));
  const byMeaning = ["b", "d"].map((id) => ({ passage: passage(id), similarity: 0.8 }));
  expect(fused(byWords, byMeaning, 3).map(({ id, score }) => [id, score])).toEqual([
    ["b", 0.8],
    ["a", 0.5],
    ["d", 0.8],
  ]);
});
