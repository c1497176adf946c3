import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { encodeEvent, subjects, type ChainEvent, type Source, type TurnRequest } from "@parley/protocol";
import { tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { startWorkbench, type Workbench } from "../workbench.ts";

/** A worker has found these, and was lost before the model had said anything. */
async function leaveFound({ bus }: Workbench, turn: TurnRequest, sources: readonly Source[]): Promise<void> {
  const { conversation_id, turn_id } = turn;
  const subject = subjects.agent(bus.events.shardOf(conversation_id), conversation_id, turn_id);
  const at = (n: number) => ({ conversation_id, turn_id, attempt: 1, n, ts: Date.now() });
  const chosen = { agent: "specs", confidence: 0.9, method: "lexical" };
  const chain: ChainEvent[] = [
    { type: "claimed", ...at(0), worker: "lost" },
    { type: "thinking", ...at(1), message: "Thinking…" },
    { type: "progress", ...at(2), step: "agent_routing", message: "The agent specs answers", ...chosen },
    { type: "progress", ...at(3), step: "rag_retrieval", message: "Found 1 passage", sources: [...sources] },
  ];
  for (const event of chain) await bus.events.append({ subject, data: encodeEvent(event) });
}

async function documents(text: string) {
  const dir = await tempDir();
  for (const collection of ["vehicle-manual", "kubernetes-runbook"]) await mkdir(path.join(dir.path, collection));
  const file = path.join(dir.path, "vehicle-manual/engine.md");
  await writeFile(file, text);
  return { dir, write: (changed: string) => writeFile(file, changed) };
}

const question = "What is the engine power of the car?";

it("a worker that takes a turn over shows the model what was found, although the documents have changed since", async () => {
  const { dir, write } = await documents("# Engine\nThe engine power of the car is 110 kW.");
  await using _ = dir;
  await using bench = await startWorkbench();
  const first = await bench.ask(question, { agent: "specs" });
  const one = await bench.addWorker({ KNOWLEDGE_DIR: dir.path });
  const asked = await bench.ended(first);
  if (asked.type !== "complete") throw new Error(asked.type);
  const sources = asked.metadata.context?.sources ?? [];
  expect(asked.metadata.context).toMatchObject({
    found: 1,
    cited: [1],
    sources: [{ file: "vehicle-manual/engine.md" }],
  });
  expect(asked.response).toContain("110 kW. [1]");
  await one[Symbol.asyncDispose]();

  const progress = (await bench.events(first)).flatMap(({ event }) => (event.type === "progress" ? [event] : []));
  const found = progress.flatMap(({ sources: told = [] }) => told);
  expect(found[0]).toMatchObject({ passage: "The engine power of the car is 110 kW.", heading: "Engine" });
  expect(found[0]?.link).toBe(`/api/v1/sources/${found[0]?.id}`);

  await write("# Engine\nThe engine power of the car is 150 kW.");
  const second = await bench.ask(question, { agent: "specs" });
  await leaveFound(bench, second, found);
  await bench.addWorker({ KNOWLEDGE_DIR: dir.path });
  const end = await bench.ended(second);
  if (end.type !== "complete") throw new Error(end.type);
  expect(end).toMatchObject({ attempt: 2 });
  expect(end.response).toContain("110 kW. [1]");
  expect(end.metadata.context?.sources).toEqual(sources);
});

it("two workers answer from what a document says now, without a restart", async () => {
  const { dir, write } = await documents("# Engine\nThe engine power of the car is 110 kW.");
  await using _ = dir;
  await using bench = await startWorkbench();
  await bench.addWorker({ KNOWLEDGE_DIR: dir.path, SLOTS: "1" });
  await bench.addWorker({ KNOWLEDGE_DIR: dir.path, SLOTS: "1" });
  const answers = async (): Promise<string[]> => {
    const turns = await Promise.all(Array.from({ length: 6 }, () => bench.ask(question, { agent: "specs" })));
    const ends = await Promise.all(turns.map((turn) => bench.ended(turn)));
    return [...new Set(ends.map((end) => (end.type === "complete" ? end.response : end.type)))];
  };
  expect(await answers()).toEqual([expect.stringContaining("110 kW")]);
  await write("# Engine\nThe engine power of the car is 150 kW.");
  await expect.poll(answers, { timeout: 10_000, interval: 500 }).toEqual([expect.stringContaining("150 kW")]);
});

it("says that the documents do not say it, and that nothing was found", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const turn = await bench.ask("Which radio stations play penguin songs?", { agent: "specs" });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({
    type: "complete",
    response: expect.stringContaining("do not say"),
    metadata: { context: { sources: [], found: 0, cited: [] } },
  });
  // Kept so with the turn, too.
  const { answer } = (await bench.bus.transcripts.find(turn.conversation_id, turn.turn_id, 0)) ?? {};
  expect(answer?.metadata?.context).toEqual({ sources: [], found: 0, cited: [] });
});

it("keeps what an answer cites with the turn", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const turn = await bench.ask("What is the engine power?", { agent: "specs" });
  const end = await bench.ended(turn);
  if (end.type !== "complete") throw new Error(end.type);
  const { answer } = (await bench.bus.transcripts.find(turn.conversation_id, turn.turn_id, 0)) ?? {};
  expect(answer?.metadata?.context).toEqual(end.metadata.context);
  expect(end.metadata.context?.cited?.length).toBeGreaterThan(0);
});

it("a document that cannot be read is told of in /readyz, and the worker answers from the others", async () => {
  const { dir } = await documents("# Engine\nThe engine power of the car is 110 kW.");
  await using _ = dir;
  await using bench = await startWorkbench();
  const worker = await bench.addWorker({ KNOWLEDGE_DIR: dir.path });
  await writeFile(path.join(dir.path, "vehicle-manual/old.pdf"), "%PDF-1.4 broken");
  const notes = async (): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${worker.adminPort}/readyz`);
    return [response.status, await response.json()];
  };
  const sentence = "The document vehicle-manual/old.pdf is no PDF that can be read: it is left out.";
  await expect
    .poll(notes, { timeout: 15_000, interval: 250 })
    .toEqual([200, expect.objectContaining({ notes: expect.arrayContaining([sentence]) })]);
  const end = await bench.ended(await bench.ask(question, { agent: "specs" }));
  expect(end).toMatchObject({ type: "complete", response: expect.stringContaining("110 kW") });
});
