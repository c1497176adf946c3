import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { pageOf } from "../../scripts/eval/routing/page.ts";
import { loadAgents } from "../../services/agent-worker/src/agents/load-agents.ts";
import { loadKnowledge } from "../../services/agent-worker/src/retrieval/knowledge.ts";
import { figuresOf, type Figures } from "../../scripts/eval/routing/figures.ts";
import { halfOf, readLabelledSet } from "../../scripts/eval/routing/labelled-set.ts";
import { routeAll } from "../../scripts/eval/routing/routing-run.ts";

const root = path.resolve(import.meta.dirname, "../..");
const results = path.join(root, "evals/results");
const read = (file: string): string => readFileSync(file, "utf8");
const copy = /<!-- begin: evals\/results\/(?<file>[\w.-]+) -->\n\n(?<text>[^]*?)\n\n<!-- end -->/g;

test("every copy of a result in the documents is what the result says", () => {
  const pages = readdirSync(path.join(root, "docs")).filter((name) => name.endsWith(".md"));
  const copies = pages.flatMap((page) => [...read(path.join(root, "docs", page)).matchAll(copy)]);
  expect(copies.length).toBeGreaterThan(0);
  for (const { groups: { file = "", text = "" } = {} } of copies)
    expect(text, file).toBe(read(path.join(results, file)).trim());
});

type Result = Figures & { readonly asked?: number };

interface RoutingResult {
  readonly working: Result;
  readonly "held-out": Result;
}

const halves = ["working", "held-out"] as const;

function resultIn(file: string): RoutingResult {
  // Written by `npm run eval -- routing --write`, and compared with what it makes now below.
  return JSON.parse(read(path.join(results, file))) as RoutingResult;
}

test.each(["routing", "routing-model"])("the tables of %s are made of its result", (name) => {
  const result = resultIn(`${name}.json`);
  const measured = halves.map((half) => ({ name: half, figures: result[half], asked: result[half].asked }));
  expect(read(path.join(results, `${name}.md`)).trim()).toBe(pageOf(measured));
});

test("the result on routing is not older than the router, its constants and the agents", async () => {
  const knowledge = await loadKnowledge(path.join(root, "config/knowledge"));
  const agents = await loadAgents({ folder: path.join(root, "config/agents"), collections: knowledge.collections() });
  const all = readLabelledSet(path.join(root, "evals/routing"));
  const kept = resultIn("routing.json");
  for (const half of halves) {
    const utterances = all.filter((one) => halfOf(one) === half);
    const { signal } = new AbortController();
    const { routed } = await routeAll({ agents, utterances, signal, onProgress() {} });
    const now = figuresOf(
      routed,
      agents.map(({ name }) => name),
    );
    // An example more or less is no reason to write the documents anew.
    expect(Math.abs(now.accuracy - kept[half].accuracy), half).toBeLessThanOrEqual(0.03);
  }
});
