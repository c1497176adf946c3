import path from "node:path";
import { env } from "node:process";
import { parseArgs } from "node:util";
import type { Agent } from "../../services/agent-worker/src/agents/agent.ts";
import { loadAgents } from "../../services/agent-worker/src/agents/load-agents.ts";
import { loadKnowledge } from "../../services/agent-worker/src/retrieval/knowledge.ts";
import { createComparison } from "../../services/agent-worker/src/routing/comparison.ts";
import type { Evaluation, EvaluationRun } from "./cli/evaluation.ts";
import type { Report } from "./cli/report.ts";
import { openModel, type AskedModel } from "./routing/asked-model.ts";
import { figuresOf, rounded, type Figures } from "./routing/figures.ts";
import { crossValidated, fitWeights, type Lesson } from "./routing/fit.ts";
import { halfOf, readLabelledSet, type Utterance } from "./routing/labelled-set.ts";
import { pageOf } from "./routing/page.ts";
import { pictureOf } from "./routing/picture.ts";
import { routeAll, type RoutingRun } from "./routing/routing-run.ts";
import { fitTrust } from "./routing/trust-fit.ts";

const root = path.resolve(import.meta.dirname, "../..");

const help = `  --set FILE      utterances of your own, a file or a folder of them, instead of the shipped ones (docs/evaluation.md)
  --agents DIR    agents of your own, instead of config/agents; their collections are looked for in --knowledge, by default config/knowledge
  --model         ask a model where words leave it open: that of OPENAI_* or OPENROUTER_API_KEY (and ROUTING_MODEL), else the simulated one
  --timeout MS    how long it may take; default 3000
  --wrong         list what went wrong; of the shipped set only in the working half
  --fit           fit the constants of the router (with --model: those of the model) to the working half, and print them`;

const options = {
  set: { type: "string" },
  agents: { type: "string", default: path.join(root, "config/agents") },
  knowledge: { type: "string", default: path.join(root, "config/knowledge") },
  model: { type: "boolean", default: false },
  timeout: { type: "string", default: "3000" },
  wrong: { type: "boolean", default: false },
  fit: { type: "boolean", default: false },
} as const;

type Values = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options }).values;
}

/** The halves of the shipped set, or all of one's own. */
function partsOf({ set }: Values): ReadonlyMap<string, readonly Utterance[]> {
  if (set !== undefined) return new Map([["all", readLabelledSet(set)]]);
  const all = readLabelledSet(path.join(root, "evals/routing"));
  return new Map((["working", "held-out"] as const).map((half) => [half, all.filter((one) => halfOf(one) === half)]));
}

function sayFigures(report: Report, { classes, confusion, reliability, ...parts }: Figures): void {
  const all = [...parts.kinds, ...parts.languages, ...parts.methods];
  report.table([
    ["", "utterances", "accuracy"],
    ...all.map(({ name, utterances, accuracy }) => [name, utterances, accuracy.toFixed(3)]),
  ]);
  report.say();
  report.table([
    ["should answer", ...classes.map(({ agent }) => agent), "precision", "recall"],
    ...classes.map(({ agent, precision, recall }, at) => [
      agent,
      ...(confusion[at] ?? []),
      precision?.toFixed(3) ?? "-",
      recall?.toFixed(3) ?? "-",
    ]),
  ]);
  report.say();
  report.table([
    ["confidence", "utterances", "mean", "right"],
    ...reliability.map(({ from, to, utterances, confidence, accuracy }) => [
      `${from.toFixed(1)} to ${to.toFixed(1)}`,
      utterances,
      confidence.toFixed(3),
      accuracy.toFixed(3),
    ]),
  ]);
  report.say();
}

function sayWrong(report: Report, { routed }: RoutingRun): void {
  for (const { utterance, agent, confidence, method } of routed) {
    if (agent === utterance.agent) continue;
    const previous = utterance.previous === undefined ? "" : ` (after ${utterance.previous})`;
    report.say(`  ${utterance.agent}, not ${agent} (${method}, ${confidence}): ${utterance.say}${previous}`);
  }
  report.say();
}

function sayModel(report: Report, { name, results, durationsMs }: AskedModel, runs: readonly RoutingRun[]): void {
  const asked = runs.flatMap((run) => run.asked);
  const told = [...results].map(([result, count]) => `${count} ${result}`).join(", ");
  const sorted = durationsMs.toSorted((one, other) => one - other);
  const at = (share: number): string => `${Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0)} ms`;
  report.say(`  asked of ${name}: ${asked.length} (${told}), p50 ${at(0.5)}, p95 ${at(0.95)}`);
  const right = asked.filter(({ utterance, byWords }) => utterance.agent === byWords).length;
  report.say(`  of these words alone had right: ${right}`);
}

/** The messages of the working half that words decide. */
function lessonsOf(agents: readonly Agent[], utterances: readonly Utterance[]): Lesson[] {
  const compare = createComparison(agents);
  return utterances
    .filter(({ say }) => !agents.some(({ rules }) => rules.some((rule) => rule.test(say))))
    .map(({ say, previous, agent: right }) => {
      const compared = compare({ text: say, previousAgent: previous, mayUse: () => true });
      const candidates = compared.filter(({ isKnown }) => isKnown);
      return {
        candidates: candidates.map(({ features }) => features),
        right: candidates.findIndex(({ agent }) => agent.name === right),
      };
    })
    .filter(({ right }) => right >= 0);
}

function sayFit(report: Report, agents: readonly Agent[], utterances: readonly Utterance[]): void {
  const lessons = lessonsOf(agents, utterances);
  const { accuracy, surprise } = crossValidated(lessons);
  report.say(`  services/agent-worker/src/routing/weights.ts: ${JSON.stringify(fitWeights(lessons), undefined, 2)}`);
  report.say(
    `  cross-validated on ${lessons.length}: accuracy ${accuracy.toFixed(3)}, log loss ${surprise.toFixed(3)}`,
  );
}

async function run({ args, report, signal }: EvaluationRun): Promise<void> {
  const values = parse(args);
  const knowledge = await loadKnowledge(values.knowledge);
  const agents = await loadAgents({ folder: values.agents, collections: knowledge.collections() });
  const parts = partsOf(values);
  const model = values.model ? await openModel(env, Number(values.timeout)) : undefined;
  try {
    const runs = new Map<string, RoutingRun>();
    for (const [part, utterances] of parts) {
      const onProgress = (done: number): void => report.progress(done, utterances.length);
      runs.set(part, await routeAll({ agents, utterances, model, signal, onProgress }));
    }
    tell({ values, report, agents, runs, model });
    const [first] = runs.values();
    if (values.fit && model === undefined) sayFit(report, agents, [...parts.values()][0] ?? []);
    if (values.fit && model !== undefined)
      report.say(`  opinion-trust.ts: ${JSON.stringify(fitTrust(first?.asked ?? []))}`);
  } finally {
    model?.close();
  }
}

interface Told {
  readonly values: Values;
  readonly report: Report;
  readonly agents: readonly Agent[];
  readonly runs: ReadonlyMap<string, RoutingRun>;
  readonly model: AskedModel | undefined;
}

function tell({ values, report, agents, runs, model }: Told): void {
  const names = agents.map(({ name }) => name);
  const by = model === undefined ? "words" : `words and ${model.name}`;
  const measured = [...runs].map(([name, { routed, asked }]) => {
    const own = { name, figures: figuresOf(routed, names) };
    return model === undefined ? own : { ...own, asked: asked.length };
  });
  for (const { name, figures } of measured) {
    report.say(`-- ${name}, by ${by}: accuracy ${figures.accuracy.toFixed(3)}`);
    sayFigures(report, figures);
    const run = runs.get(name);
    if (values.wrong && run !== undefined && name !== "held-out") sayWrong(report, run);
    report.figure(`accuracy, ${name}`, rounded(figures.accuracy), `${figures.utterances} utterances, by ${by}`);
    report.figure(`calibration error, ${name}`, rounded(figures.calibrationError));
  }
  if (model !== undefined) sayModel(report, model, [...runs.values()]);
  const part = [...(values.set === undefined ? [] : ["own"]), ...(model === undefined ? [] : ["model"])].join("-");
  const file = part === "" ? undefined : part;
  report.json(
    { by, ...Object.fromEntries(measured.map(({ name, figures, ...own }) => [name, { ...own, ...figures }])) },
    file,
  );
  const last = measured.at(-1);
  if (last !== undefined)
    report.picture(
      pictureOf(`Routing by ${by}: ${last.name}, ${last.figures.utterances} utterances`, last.figures),
      file,
    );
  report.page(pageOf(measured), file);
}

export const evaluation: Evaluation = {
  name: "routing",
  about: "which agent answers a message, on labelled utterances",
  options: help,
  run,
};
