import { kinds, type Utterance } from "./labelled-set.ts";

/** What came of an utterance. */
export interface Routed {
  readonly utterance: Utterance;
  readonly agent: string;
  readonly confidence: number;
  readonly method: string;
}

/** An agent: `precision`, of what it got so many are its own; `recall`, of its own it got so many. Null: there are none of which that could be said. */
export interface ClassFigures {
  readonly agent: string;
  readonly utterances: number;
  readonly precision: number | null;
  readonly recall: number | null;
}

/** Those whose confidence is from `from` to `to`: how sure it was, and how often it was right. */
export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  readonly utterances: number;
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Part {
  readonly name: string;
  readonly utterances: number;
  readonly accuracy: number;
}

export interface Figures {
  readonly utterances: number;
  readonly accuracy: number;
  /** Expected calibration error: the distance of confidence and accuracy, over the bins, by how many are in each. */
  readonly calibrationError: number;
  readonly classes: readonly ClassFigures[];
  /** Rows: the right agent; columns: who got it; both in the order of `classes`. */
  readonly confusion: readonly (readonly number[])[];
  readonly reliability: readonly ReliabilityBin[];
  readonly kinds: readonly Part[];
  readonly languages: readonly Part[];
  readonly methods: readonly Part[];
}

const bins = 10;

export function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function ratio(part: number, all: number): number | null {
  return all === 0 ? null : rounded(part / all);
}

const isRight = ({ utterance, agent }: Routed): boolean => utterance.agent === agent;

export function figuresOf(routed: readonly Routed[], agents: readonly string[]): Figures {
  const names = [...new Set([...agents, ...routed.flatMap(({ utterance, agent }) => [utterance.agent, agent])])];
  const classes = names.map((agent) => classOf(routed, agent));
  const reliability = reliabilityOf(routed);
  const errors = reliability.map(
    ({ utterances, confidence, accuracy }) => utterances * Math.abs(confidence - accuracy),
  );
  return {
    utterances: routed.length,
    accuracy: accuracyOf(routed),
    calibrationError: rounded(errors.reduce((sum, error) => sum + error, 0) / Math.max(1, routed.length)),
    classes,
    confusion: names.map((right) =>
      names.map((got) => routed.filter(({ utterance, agent }) => utterance.agent === right && agent === got).length),
    ),
    reliability,
    kinds: partsOf(routed, ({ utterance }) => utterance.kind, kinds),
    languages: partsOf(routed, ({ utterance }) => utterance.language),
    methods: partsOf(routed, ({ method }) => method),
  };
}

function accuracyOf(routed: readonly Routed[]): number {
  return ratio(routed.filter(isRight).length, routed.length) ?? 0;
}

function classOf(routed: readonly Routed[], agent: string): ClassFigures {
  const own = routed.filter(({ utterance }) => utterance.agent === agent);
  const got = routed.filter((one) => one.agent === agent);
  const right = got.filter(isRight).length;
  return { agent, utterances: own.length, precision: ratio(right, got.length), recall: ratio(right, own.length) };
}

/** Without empty ones. */
function reliabilityOf(routed: readonly Routed[]): ReliabilityBin[] {
  return Array.from({ length: bins }, (_, bin) => bin).flatMap((bin) => {
    const own = routed.filter(({ confidence }) => Math.min(bins - 1, Math.floor(confidence * bins)) === bin);
    if (own.length === 0) return [];
    const confidence = rounded(own.reduce((sum, one) => sum + one.confidence, 0) / own.length);
    return [{ from: bin / bins, to: (bin + 1) / bins, utterances: own.length, confidence, accuracy: accuracyOf(own) }];
  });
}

function partsOf(routed: readonly Routed[], nameOf: (one: Routed) => string, order: readonly string[] = []): Part[] {
  const names = [...new Set([...order, ...routed.map(nameOf).toSorted()])];
  return names.flatMap((name) => {
    const own = routed.filter((one) => nameOf(one) === name);
    return own.length === 0 ? [] : [{ name, utterances: own.length, accuracy: accuracyOf(own) }];
  });
}
