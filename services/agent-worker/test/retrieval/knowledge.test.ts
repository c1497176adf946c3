import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { StartError } from "@parley/runtime";
import { tempDir } from "@parley/testkit";
import { expect, test } from "vitest";
import { loadKnowledge, type Knowledge } from "../../src/retrieval/knowledge.ts";

async function knowledgeOf(files: Record<string, string>): Promise<Knowledge> {
  await using dir = await tempDir();
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(dir.path, file)), { recursive: true });
    await writeFile(path.join(dir.path, file), text);
  }
  return await loadKnowledge(dir.path);
}

const files = {
  "car/engine.md": "# Engine\n## Power\nThe engine has 110 kW.\n## Oil\nThe engine takes 4 litres of oil.",
  "car/body.md": "# Body\nThe car is blue. The colour of the seats is grey.",
  "car/notes.text": "The engine of the spaceship.",
  "boat/engine.md": "# Boat\nThe engine of the boat has 20 kW of power.",
  "README.md": "The engine of nothing.",
};
const find = async (query: string, collections = ["car"], limit = 3) =>
  (await knowledgeOf(files)).search({ query, collections, limit });

test("reads what it knows by its name only", async () => {
  expect(await find("spaceship")).toEqual([]);
});

test("knows its folders as collections", async () => {
  expect((await knowledgeOf(files)).collections()).toEqual(["boat", "car"]);
});

test("finds the passage that answers, with its title, file and score", async () => {
  expect((await find("What is the engine power?"))[0]).toEqual({
    id: expect.stringMatching(/^[\w-]{16}$/),
    collection: "car",
    file: "car/engine.md",
    title: "Engine › Power",
    heading: "Power",
    text: "The engine has 110 kW.",
    score: 1,
  });
});

test.each([
  ["other forms of a word", "powered engines", "Engine › Power"],
  ["the beginning of a word", "colo", "Body"],
  ["a typo", "colouur", "Body"],
])("finds %s", async (_what, query, title) => {
  expect((await find(query))[0]?.title).toBe(title);
});

test("trusts an exact word more than a beginning or a typo", async () => {
  const [exact, beginning, typo] = [await find("colour"), await find("colo"), await find("colouur")];
  expect([exact, beginning, typo].map(([best]) => best?.score)).toEqual([1, 0.7, 0.7]);
});

test("looks into the given collections only", async () => {
  expect((await find("engine power", ["boat"])).map(({ file }) => file)).toEqual(["boat/engine.md"]);
  expect(await find("engine power", [])).toEqual([]);
  expect((await find("engine power", ["boat", "car"])).length).toBeGreaterThan(1);
});

test("gives no more than asked for, the best first", async () => {
  const all = await find("engine power oil");
  expect(all.map(({ score }) => score)).toEqual(all.map(({ score }) => score).toSorted((one, other) => other - one));
  expect(await find("engine power oil", ["car"], 1)).toEqual(all.slice(0, 1));
});

test.each(["Who won the football match yesterday?", "and why?", "", "the engine of penguins in Antarctica and Norway"])(
  "finds nothing rather than something for %j",
  async (query) => {
    expect(await find(query)).toEqual([]);
  },
);

test("looks at the first 32 words of a question only", async () => {
  const words = (count: number) => Array.from({ length: count }, (_, index) => `word${index}`).join(" ");
  const asked = "engine power 110 kW oil 4 litres";
  expect(await find(`${asked} ${words(20_000)}`)).not.toEqual([]);
  expect(await find(`${words(32)} ${asked}`)).toEqual([]);
});

test("is empty when the folder is", async () => {
  const knowledge = await knowledgeOf({});
  expect(knowledge.collections()).toEqual([]);
  expect(knowledge.search({ query: "engine", collections: [], limit: 3 })).toEqual([]);
});

test("refuses a folder that is not there", async () => {
  await expect(loadKnowledge("/nowhere/knowledge")).rejects.toThrow(
    new StartError("The knowledge in /nowhere/knowledge cannot be read."),
  );
});
