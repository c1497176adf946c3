import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { createLogger } from "@parley/runtime";
import { tempDir } from "@parley/testkit";
import { expect, test } from "vitest";
import { loadKnowledge, type KnowledgeFolder } from "../../src/retrieval/knowledge.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

async function watched(files: Record<string, string | Uint8Array>) {
  const dir = await tempDir();
  const write = async (file: string, content: string | Uint8Array): Promise<void> => {
    const place = path.join(dir.path, file);
    await mkdir(path.dirname(place), { recursive: true });
    await writeFile(`${place}.new`, content);
    await rename(`${place}.new`, place);
  };
  for (const [file, content] of Object.entries(files)) await write(file, content);
  const stops: (() => void)[] = [];
  return {
    write,
    // At once: a folder that is being emptied has less and less in it.
    moveAway: () => rename(dir.path, `${dir.path}-away`),
    remove: (file: string) => rm(path.join(dir.path, file), { recursive: true }),
    async load(): Promise<KnowledgeFolder> {
      const knowledge = await loadKnowledge(dir.path);
      stops.push(knowledge.watch({ log, everyMs: 10 }));
      return knowledge;
    },
    async [Symbol.asyncDispose]() {
      for (const stop of stops) stop();
      await rm(`${dir.path}-away`, { recursive: true, force: true });
      await dir[Symbol.asyncDispose]();
    },
  };
}

const search = (knowledge: KnowledgeFolder, query: string) =>
  knowledge.search({ query, collections: ["car"], limit: 3 }).map(({ id, text, score }) => ({ id, text, score }));
const textsOf = (knowledge: KnowledgeFolder, query: string) => search(knowledge, query).map(({ text }) => text);

test("what changes in the folder is found without a restart, by every worker alike", async () => {
  await using folder = await watched({ "car/oil.md": "# Oil\nIt takes 4 litres of oil." });
  const [one, other] = [await folder.load(), await folder.load()];
  const both = (look: (knowledge: KnowledgeFolder) => void) =>
    expect.poll(() => [one, other].forEach(look), { timeout: 5_000 });
  expect(textsOf(one, "litres of oil")).toEqual(["It takes 4 litres of oil."]);

  await folder.write("car/oil.md", "# Oil\nIt takes 5 litres of oil now.");
  await folder.write("car/tank.md", "# Tank\nIt holds 50 gallons of petrol.");
  await both((knowledge) => {
    expect(textsOf(knowledge, "litres of oil")).toEqual(["It takes 5 litres of oil now."]);
    expect(textsOf(knowledge, "gallons of petrol")).toEqual(["It holds 50 gallons of petrol."]);
  }).toBeUndefined();
  expect(search(one, "oil and petrol")).toEqual(search(other, "oil and petrol"));

  await folder.remove("car/tank.md");
  await both((knowledge) => expect(textsOf(knowledge, "gallons of petrol")).toEqual([])).toBeUndefined();
});

test("a document that cannot be read is left out and told of, and the others stay", async () => {
  await using folder = await watched({ "car/oil.md": "# Oil\nIt takes 4 litres of oil." });
  const knowledge = await folder.load();
  await folder.write("car/old.txt", Buffer.from("Größe", "latin1"));
  const sentence = "The document car/old.txt is not UTF-8: it is left out.";
  await expect.poll(() => knowledge.problems(), { timeout: 5_000 }).toEqual([sentence]);
  expect(textsOf(knowledge, "litres of oil")).toHaveLength(1);
  await folder.write("car/old.txt", "The size is 4.");
  await expect.poll(() => textsOf(knowledge, "size"), { timeout: 5_000 }).toEqual(["The size is 4."]);
  expect(knowledge.problems()).toEqual([]);
});

test("what was found before counts while the folder is away", async () => {
  await using folder = await watched({ "car/oil.md": "# Oil\nIt takes 4 litres of oil." });
  const knowledge = await folder.load();
  const [found] = search(knowledge, "litres of oil");
  await folder.moveAway();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(search(knowledge, "litres of oil")).toEqual([found]);
});

test("a passage keeps its id as long as its words and its place stay", async () => {
  await using folder = await watched({ "car/oil.md": "# Oil\nFour litres.\n# Tank\nFifty litres of petrol." });
  const knowledge = await folder.load();
  const [tank] = search(knowledge, "petrol");
  await folder.write("car/oil.md", "# Oil\nFive litres.\n# Tank\nFifty litres of petrol.");
  await expect.poll(() => knowledge.passages().map(({ text }) => text)).toContain("Five litres.");
  expect(search(knowledge, "petrol")[0]?.id).toBe(tank?.id);
  expect(knowledge.passage(tank?.id ?? "")).toMatchObject({ text: "Fifty litres of petrol.", heading: "Tank" });
});
