import path from "node:path";
import { env } from "node:process";
import { parseArgs } from "node:util";
import { createLogger } from "@parley/runtime";
import { providerFrom } from "../../services/agent-worker/src/model/provider.ts";
import { loadKnowledge } from "../../services/agent-worker/src/retrieval/knowledge.ts";
import type { Passage } from "../../services/agent-worker/src/retrieval/passage.ts";
import { createRetriever, type Retriever } from "../../services/agent-worker/src/retrieval/retriever.ts";
import { openSemanticIndex } from "../../services/agent-worker/src/semantic-documents.ts";
import type { Evaluation, EvaluationRun } from "./cli/evaluation.ts";
import type { Report } from "./cli/report.ts";
import { figuresOf, isAnswerable, placeOf, type Asked, type RetrievalFigures } from "./retrieval/figures.ts";
import { halfOf, readQuestionSet, type LabelledQuestion } from "./retrieval/question-set.ts";

const root = path.resolve(import.meta.dirname, "../..");

const help = `  --set FILE       questions of your own, a file or a folder of them, instead of the shipped ones (docs/knowledge.md)
  --knowledge DIR  documents of your own, instead of config/knowledge
  --embeddings     by meaning as well: with EMBEDDINGS_MODEL of OPENAI_* or OPENROUTER_API_KEY; --similarity N (default 0.4) as the least
  --wrong          list what went wrong; of the shipped set only in the working half`;

const options = {
  set: { type: "string" },
  knowledge: { type: "string", default: path.join(root, "config/knowledge") },
  embeddings: { type: "boolean", default: false },
  similarity: { type: "string", default: "0.4" },
  wrong: { type: "boolean", default: false },
} as const;

/** Nobody waits for the answer to one. */
const queryMs = 10_000;

const limit = 5;

/** The halves of the shipped set, or all of one's own. */
function partsOf(set: string | undefined): ReadonlyMap<string, readonly LabelledQuestion[]> {
  if (set !== undefined) return new Map([["all", readQuestionSet(set)]]);
  const all = readQuestionSet(path.join(root, "evals/retrieval"));
  return new Map((["working", "held-out"] as const).map((half) => [half, all.filter((one) => halfOf(one) === half)]));
}

async function askAll(
  { search }: Pick<Retriever, "search">,
  questions: readonly LabelledQuestion[],
  { report, signal }: EvaluationRun,
): Promise<Asked[]> {
  const asked: Asked[] = [];
  for (const question of questions) {
    signal.throwIfAborted();
    const { ask: query, collections } = question;
    const found = await search({ query, collections, limit, tenant: undefined });
    asked.push({ question, found: found.map(({ text }) => text) });
    report.progress(asked.length, questions.length);
  }
  return asked;
}

function sayWrong(report: Report, asked: readonly Asked[]): void {
  for (const one of asked) {
    const { question, found } = one;
    const first = found[0]?.replaceAll(/\s+/g, " ").slice(0, 80) ?? "nothing";
    if (!isAnswerable(question) && found.length > 0) report.say(`  not refused: ${question.ask} (found: ${first})`);
    if (isAnswerable(question) && placeOf(one) !== 1)
      report.say(`  ${placeOf(one) ?? "not found"}: ${question.ask} (first: ${first})`);
  }
}

const columns = ["recall@1", "recall@3", "recall@5", "MRR", "refused of unanswerable", "refused wrongly"];

function rowOf(name: string, figures: RetrievalFigures): (string | number)[] {
  const { recall1, recall3, recall5, mrr, refused, refusedWrongly } = figures;
  const shares = [recall1, recall3, recall5, mrr, refused, refusedWrongly].map((value) => value.toFixed(3));
  return [name, figures.answerable, figures.unanswerable, ...shares];
}

function pageOf(rows: readonly (readonly (string | number)[])[]): string {
  const [head = [], ...others] = rows;
  return [head, head.map(() => "---"), ...others].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

async function openSemantic(minSimilarity: number, passages: readonly Passage[]) {
  const log = createLogger({ service: "eval", level: "warn", format: "pretty" });
  const model = env["EMBEDDINGS_MODEL"];
  const config = { EMBEDDINGS_MODEL: model, EMBEDDINGS_DIR: undefined, EMBEDDINGS_MIN_SIMILARITY: minSimilarity };
  const semantic = openSemanticIndex({ config, log, queryMs }, providerFrom(env));
  if (semantic === undefined) throw new Error("EMBEDDINGS_MODEL is not set.");
  semantic.prepare(passages);
  await semantic.prepared();
  return semantic;
}

async function run(input: EvaluationRun): Promise<void> {
  const { report } = input;
  const { values } = parseArgs({ args: [...input.args], options });
  const knowledge = await loadKnowledge(values.knowledge);
  for (const problem of knowledge.problems()) report.fail(problem);
  const semantic = values.embeddings ? await openSemantic(Number(values.similarity), knowledge.passages()) : undefined;
  const retriever = createRetriever({ knowledge, tenants: undefined, semantic });
  const measured: { name: string; figures: RetrievalFigures }[] = [];
  for (const [name, questions] of partsOf(values.set)) {
    const missing = questions
      .flatMap(({ collections }) => collections)
      .find((one) => !knowledge.collections().includes(one));
    if (missing !== undefined) throw new Error(`There is no collection "${missing}" in ${values.knowledge}.`);
    const asked = await askAll(retriever, questions, input);
    measured.push({ name, figures: figuresOf(asked) });
    if (values.wrong && name !== "held-out") sayWrong(report, asked);
  }
  const rows = [
    ["questions", "answerable", "unanswerable", ...columns],
    ...measured.map(({ name, figures }) => rowOf(name, figures)),
  ];
  report.table(rows);
  for (const { name, figures } of measured) {
    report.figure(`recall@5, ${name}`, figures.recall5, `${figures.answerable} answerable questions`);
    report.figure(`MRR, ${name}`, figures.mrr);
    report.figure(`refused, ${name}`, figures.refused, `of ${figures.unanswerable} unanswerable questions`);
  }
  const names = [...(values.set === undefined ? [] : ["own"]), ...(semantic === undefined ? [] : ["embeddings"])];
  const part = names.length === 0 ? undefined : names.join("-");
  report.json(Object.fromEntries(measured.map(({ name, figures }) => [name, figures])), part);
  report.page(pageOf(rows), part);
}

export const evaluation: Evaluation = {
  name: "retrieval",
  about: "whether the passage that answers is found, and nothing where none does, on labelled questions",
  options: help,
  run,
};
