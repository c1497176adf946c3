import { ChatError } from "@parley/protocol";
import type { Agent } from "../agents/agent.ts";
import { createComparison, type Compared } from "./comparison.ts";
import { likelihoodsOf } from "./likelihood.ts";

export interface RouteInput {
  readonly message: string;
  /** The agent that the message itself names. */
  readonly explicit?: string | undefined;
  /** The agent of the answer before, so that "and in the other one?" stays with it. */
  readonly previousAgent?: string | undefined;
  /** Which agents may answer whoever asks; unset: all. The others are as if they were not there. */
  readonly mayUse?: (agent: string) => boolean;
}

/**
 * What decided: `explicit`, the message names its agent; `rule`, it matches a rule; `lexical`, it is like an agent's
 * examples; `model`, the examples were not sure, and a model was asked; `previous`, it is like nobody's, so it goes on with what was talked about;
 * `default`, there was nothing before.
 */
export type RouteMethod = "explicit" | "rule" | "lexical" | "model" | "previous" | "default";

/** An agent that could answer, and how likely it is the right one. */
export interface Candidate {
  readonly agent: Agent;
  /** Those of all candidates together are 1. */
  readonly likelihood: number;
  /** What it would be chosen by. */
  readonly method: "lexical" | "previous" | "default";
  /** It gave the answer before, or answers what is nobody's. */
  readonly isFallback: boolean;
}

export interface Route {
  readonly agent: Agent;
  /** 0 to 1: how likely this is the right agent, calibrated on labelled messages (`docs/evaluation.md`). */
  readonly confidence: number;
  readonly method: RouteMethod;
  /** Where words decided: all who may answer, the likeliest first. */
  readonly candidates?: readonly Candidate[];
}

/** The number of an answer that was offered: as a word it would be like whatever example has that number. */
const choice = /^\s*\d{1,2}\s*[.)]?\s*$/;

const everybodys = (): boolean => true;

/** This much of a message is looked at: what it asks stands at its beginning, and the time of a rule's pattern stays bounded. */
const maxChars = 2_000;

/**
 * Decides which agent answers. Pure: the same message after the same agent, with the same rights, always gives the same route. Throws ChatError
 * INVALID_FRAME when the message names an agent that does not exist: another one's answer would not be what was asked for; and FORBIDDEN when its
 * sender may use none.
 */
export function createRouter(agents: readonly Agent[]) {
  const byName = new Map(agents.map((agent) => [agent.name, agent]));
  const compare = createComparison(agents);

  const explicitRoute = (name: string): Route => {
    const agent = byName.get(name);
    if (agent !== undefined) return { agent, confidence: 1, method: "explicit" };
    const message = `There is no agent "${name}". The agents are: ${[...byName.keys()].join(", ")}.`;
    throw new ChatError("INVALID_FRAME", { message });
  };

  return ({ message, explicit, previousAgent, mayUse = everybodys }: RouteInput): Route => {
    if (explicit !== undefined) return explicitRoute(explicit);
    const text = message.slice(0, maxChars);
    const compared = compare({ text: choice.test(text) ? "" : text, previousAgent, mayUse });
    // Rules of several agents leave it to the words.
    const ruled = weigh(compared.filter(({ agent }) => agent.rules.some((rule) => rule.test(text))))[0];
    if (ruled !== undefined) return { agent: ruled.agent, confidence: rounded(ruled.likelihood), method: "rule" };
    const candidates = weigh(compared.filter(({ isKnown }) => isKnown));
    const [best] = candidates;
    if (best === undefined) throw noAgent();
    const { agent, likelihood, method } = best;
    return { agent, confidence: rounded(likelihood), method, candidates };
  };
}

function noAgent(): ChatError {
  return new ChatError("FORBIDDEN", { message: "There is no agent that you may use." });
}

/** The likeliest first; equal ones in the order they were given. */
function weigh(compared: readonly Compared[]): Candidate[] {
  const likelihoods = likelihoodsOf(compared.map(({ features }) => features));
  return compared
    .map(({ agent, method, isFallback }, at) => ({ agent, method, isFallback, likelihood: likelihoods[at] ?? 0 }))
    .toSorted((one, other) => other.likelihood - one.likelihood);
}

/** It is stored and shown: more digits would say more than is known. */
function rounded(confidence: number): number {
  return Math.round(confidence * 1_000) / 1_000;
}
