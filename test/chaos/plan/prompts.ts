import type { Outcome } from "@parley/protocol";
import type { Random, Weights } from "./random.ts";

/** What a message makes the simulated model do, and so what its answer must be. */
export interface Prompt {
  readonly kind: PromptKind;
  readonly text: string;
  /** The agent that has all tools, for a prompt that needs them. */
  readonly agent: string | undefined;
  /** The answers a completed turn may have: the simulated model's words are known beforehand. Empty: any. */
  readonly answers: readonly string[];
  /** Whether its calls wait for a person. */
  readonly asksPeople: boolean;
  /** How the turn may end when nobody cancels it: `complete`, `cancelled`, or `error:<CODE>`. */
  readonly ends: readonly End[];
}

export type End = Outcome["type"] | `error:${string}`;

export type PromptKind = keyof typeof writers;

export type PromptWeights = Weights<PromptKind>;

interface Draft {
  readonly say: string;
  /** Directives for the simulated model. */
  readonly sim: string;
  /** Texts of the steps that call tools, in order. */
  readonly steps?: readonly string[];
  readonly tokens: number;
  readonly ends?: readonly End[];
  readonly asksPeople?: true;
}

function numberedWords(count: number): string {
  return Array.from({ length: count }, (_, index) => `w${index}`).join(" ");
}

function spoken(random: Random, tokens: readonly [number, number], more = ""): Draft {
  const count = random.within(tokens);
  const rate = random.within([40, 90]);
  return { say: "Count.", sim: `tokens=${count} rate=${rate}${more}`, tokens: count };
}

/** Calls that the message asks for word by word, one step each. */
function withTools(random: Random, calls: readonly (readonly [name: string, args: object])[]): Draft {
  const asked = calls.map(([name, args]) => `call the tool ${name} with ${JSON.stringify(args)}`).join(" then ");
  const count = random.within([10, 25]);
  return {
    say: asked,
    sim: `tokens=${count} rate=60`,
    tokens: count,
    steps: calls.map(([name]) => `Calling ${name}.`),
  };
}

function withChanges(random: Random, texts: readonly string[]): Draft {
  const calls = texts.map((text) => ["demo_change", { text, ms: random.within([0, 400]) }] as const);
  return { ...withTools(random, calls), asksPeople: true };
}

const broken = ["error:MODEL_UNAVAILABLE", "error:MODEL_TRUNCATED", "error:MODEL_TIMEOUT"] as const;

const writers = {
  short: (random: Random) => spoken(random, [15, 35]),
  /** Over before anybody can have looked. */
  instant: (random: Random) => {
    const tokens = random.within([2, 6]);
    return { say: "Count.", sim: `tokens=${tokens} rate=0`, tokens };
  },
  long: (random: Random) => spoken(random, [80, 160]),
  /** Silent for a while before its first token, so that something can happen to it there. */
  "slow start": (random: Random) => spoken(random, [15, 30], ` first_ms=${random.within([600, 1_500])}`),
  "read tool": (random: Random) => withTools(random, [["demo_sleep", { ms: random.within([200, 900]) }]]),
  "long read tool": (random: Random) => withTools(random, [["demo_sleep", { ms: random.within([1_500, 3_000]) }]]),
  "write tool": (random: Random) => withTools(random, [["demo_counter", { ms: random.within([0, 600]) }]]),
  "long write tool": (random: Random) => withTools(random, [["demo_counter", { ms: random.within([2_500, 4_000]) }]]),
  "two tools": (random: Random) =>
    withTools(random, [
      ["demo_counter", { ms: random.within([0, 400]) }],
      ["demo_sleep", { ms: random.within([100, 500]) }],
    ]),
  /** Waits until somebody agrees, says no, or nobody does in time. */
  "asked change": (random: Random, label: string) => withChanges(random, [label]),
  /** Waits twice. */
  "two asked changes": (random: Random, label: string) => withChanges(random, [`${label} first`, `${label} second`]),
  /** Both in one step of the model. */
  "parallel tools": (random: Random) => {
    const one = `call the tool demo_sleep with {"ms":${random.within([300, 900])}}`;
    const other = `call the tool demo_counter with {"ms":${random.within([0, 500])}}`;
    const count = random.within([10, 25]);
    const steps = ["Calling demo_sleep and demo_counter."];
    return { say: `${one} ${other}`, sim: `tokens=${count} rate=60`, tokens: count, steps };
  },
  /** Reasons before it answers. */
  thinking: (random: Random) => spoken(random, [20, 60], ` think=${random.within([15, 40])}`),
  "failing tool": (random: Random) => withTools(random, [["demo_fail", { unexpected: random.chance(0.5) }]]),
  /** Some 80 KB at once, which viewers get twice: as text and with the end. */
  "large answer": (random: Random) => {
    const tokens = random.within([9_000, 12_000]);
    return { say: "Count.", sim: `tokens=${tokens} rate=0 deviate=onechunk`, tokens };
  },

  "unavailable once": (random: Random) => spoken(random, [15, 30], " status=500 times=1"),
  "limited once": (random: Random) => spoken(random, [15, 30], " status=429 times=1 retry_after=1"),
  unavailable: (random: Random) => ({ ...spoken(random, [15, 30], " status=503"), ends: ["error:MODEL_UNAVAILABLE"] }),
  "cut off": (random: Random) => ({ ...spoken(random, [30, 40], " cut=12"), ends: broken }),
  reset: (random: Random) => ({ ...spoken(random, [30, 40], " reset=12"), ends: broken }),
  stalled: (random: Random) => ({ ...spoken(random, [30, 40], " stall=12"), ends: broken }),
  "bad arguments": (random: Random) => ({
    ...spoken(random, [15, 30], ' badargs=1 tool=demo_sleep args={"ms":100}'),
    steps: ["Calling demo_sleep."],
    ends: ["complete", ...broken],
  }),
  "broken in the middle": (random: Random) => ({ ...spoken(random, [15, 30], " deviate=midchunkerror"), ends: broken }),
} as const satisfies Record<string, (random: Random, label: string) => Draft>;

/** Draws a prompt. `label` makes it unlike every other one: the simulator counts failures by the request's text. */
export function drawPrompt(random: Random, weights: PromptWeights, label: string): Prompt {
  const kind = random.weighted(weights);
  const draft: Draft = writers[kind](random, label);
  const { say, sim, steps = [], tokens, ends = ["complete"], asksPeople = false } = draft;
  const words = numberedWords(tokens);
  // A worker that has never heard of any tool offers none, and the model then answers at once.
  const answers = steps.length === 0 ? [words] : [[...steps, words].join("\n\n"), words];
  const agent = steps.length === 0 ? undefined : "general";
  return { kind, text: `${say} (${label})\n/sim ${sim}`, agent, answers, asksPeople, ends };
}
