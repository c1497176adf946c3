import { sleep } from "@parley/runtime";
import type { Service } from "@parley/testkit";
import { devToken } from "../../e2e/person.ts";
import type { Harm } from "../neighbour/harm.ts";
import type { Street } from "../neighbour/street.ts";
import { conversationsOf } from "./conversations.ts";
import { heldBy, leaks, logProblems, watchedEnvironment, type Held } from "./edge-watch.ts";
import { createTrials, type Kind } from "./kinds.ts";
import { readOperations } from "./operations.ts";

export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly kinds: readonly Kind[];
  /** Only the input of this number, of each kind. */
  readonly at?: number | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (line: string) => void;
}

/** Something that must not be, and the input behind it. */
export interface Finding {
  readonly kind: Kind | "edge";
  readonly at: number;
  readonly problem: string;
  readonly input: string;
}

export interface Tally {
  readonly kind: Kind;
  inputs: number;
  answers: number;
  findings: number;
}

export interface FuzzResult {
  readonly tallies: readonly Tally[];
  readonly findings: readonly Finding[];
  readonly harm: Harm;
  readonly before: Held;
  readonly after: Held;
}

/** Inputs at a time. Not so many that the machine is all theirs: the edge is to be led astray, not out-computed. */
const atATime = 8;
/** Between two inputs of the same hand. */
const restMs = 10;

/** For the edge: see `openStreet`. */
export const fuzzedEnvironment = { edge: watchedEnvironment };

/** Attacks the edge of a street whose edges were started with `fuzzedEnvironment`. */
export async function fuzz(street: Street, options: FuzzOptions): Promise<FuzzResult> {
  const { kinds, onProgress = () => undefined } = options;
  const { edge } = street;
  const { pid } = edge;
  const tokens = new Map<Kind, string>();
  for (const kind of kinds) tokens.set(kind, await devToken(edge, `fuzzer ${options.seed} ${kind}`));
  const before = await heldBy(edge, 1);
  const target = { port: edge.port, operations: await readOperations(edge.port), tokens };
  const attack = createAttack(options, createTrials(target, options.seed), () => edge.isRunning());
  const { harm } = await street.during(attack.run());
  onProgress("what is left");
  const after = await heldBy(edge, 1);
  const inputs = attack.tallies.reduce((sum, tally) => sum + tally.inputs, 0);
  const problems = [
    ...(edge.isRunning() && edge.pid === pid ? [] : ["the edge has died"]),
    ...logProblems(edge.output()),
    ...leaks(before, after, inputs),
    ...street.faults().map((fault) => `a neighbour: ${fault}`),
    ...(await strangers(edge, tokens, attack.told)),
  ];
  const ofEdge = problems.map((problem): Finding => ({ kind: "edge", at: 0, problem, input: "" }));
  return { tallies: attack.tallies, findings: [...attack.findings, ...ofEdge], harm, before, after };
}

interface Told {
  readonly accepted: Set<string>;
  cut: number;
}

function createAttack(
  { seconds, kinds, at, signal, onProgress = () => undefined }: FuzzOptions,
  tryInput: ReturnType<typeof createTrials>,
  isAlive: () => boolean,
) {
  const tallies = kinds.map((kind): Tally => ({ kind, inputs: 0, answers: 0, findings: 0 }));
  const told = new Map<Kind, Told>(kinds.map((kind) => [kind, { accepted: new Set(), cut: 0 }]));
  const findings: Finding[] = [];
  const endsAt = performance.now() + seconds * 1_000;
  let next = 0;
  const isOver = (): boolean => performance.now() > endsAt || signal?.aborted === true || !isAlive();

  const one = async (tally: Tally, number: number): Promise<void> => {
    const { kind } = tally;
    const trial = await tryInput(kind, number);
    tally.inputs++;
    tally.answers += trial.answers;
    tally.findings += trial.problems.length;
    const known = told.get(kind);
    for (const id of trial.accepted) known?.accepted.add(id);
    if (known !== undefined && trial.isCut) known.cut++;
    for (const problem of trial.problems) findings.push({ kind, at: number, problem, input: trial.input() });
  };

  const hand = async (): Promise<void> => {
    while (!isOver()) {
      const number = next++;
      const tally = tallies[number % tallies.length];
      if (tally !== undefined) await one(tally, Math.floor(number / tallies.length));
      onProgress(`${next} inputs, ${findings.length} findings`);
      await sleep(restMs);
    }
  };

  return {
    tallies,
    told,
    findings,
    async run(): Promise<void> {
      if (at === undefined) await Promise.all(Array.from({ length: atATime }, hand));
      else for (const tally of tallies) await one(tally, at);
    },
  };
}

/** Conversations in the lists of fuzzers that were never told to be accepted: a refusal that did something. */
async function strangers(
  edge: Service,
  tokens: ReadonlyMap<Kind, string>,
  told: ReadonlyMap<Kind, Told>,
): Promise<string[]> {
  const problems: string[] = [];
  if (!edge.isRunning()) return problems;
  for (const [kind, token] of tokens) {
    const { accepted = new Set(), cut = 0 } = told.get(kind) ?? {};
    // Clients of the seeds are not told how their conversations are called.
    if (kind !== "frames" && kind !== "bodies") continue;
    const unknown = (await conversationsOf(edge.port, token)).filter((id) => !accepted.has(id));
    if (unknown.length > cut)
      problems.push(
        `${unknown.length} conversations of ${kind} that nobody was told of, beside ${cut} inputs that were cut off: ${unknown.slice(0, 5).join(", ")}`,
      );
  }
  return problems;
}
