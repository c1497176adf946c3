import { ChatError } from "@parley/protocol";
import { defaultAgentName, type Agent } from "../agents/agent.ts";
import { createExampleMatch, type ExampleMatch } from "./example-match.ts";

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
 * examples; `previous`, it is like nobody's, so it goes on with what was talked about; `default`, there was nothing before.
 */
export type RouteMethod = "explicit" | "rule" | "lexical" | "previous" | "default";

export interface Route {
  readonly agent: Agent;
  /** 0 to 1, computed from this message: see `docs/agents.md`. */
  readonly confidence: number;
  readonly method: RouteMethod;
}

type MayUse = (agent: string) => boolean;

const everybodys: MayUse = () => true;

/** Least confidence for a message to be an agent's because of its examples. Chosen with labelled messages (see the tests). */
const MIN_CONFIDENCE = 0.2;

/** This much of a message is looked at: what it asks stands at its beginning, and the time of a rule's pattern stays bounded. */
const MAX_CHARS = 2_000;

/**
 * Decides which agent answers. Pure: the same message after the same agent, with the same rights, always gives the same route. Throws ChatError
 * INVALID_FRAME when the message names an agent that does not exist: another one's answer would not be what was asked for; and FORBIDDEN when its
 * sender may use none.
 */
export function createRouter(agents: readonly Agent[]) {
  const byName = new Map(agents.map((agent) => [agent.name, agent]));
  const matchExamples = createExampleMatch(agents);

  const explicitRoute = (name: string): Route => {
    const agent = byName.get(name);
    if (agent !== undefined) return { agent, confidence: 1, method: "explicit" };
    const message = `There is no agent "${name}". The agents are: ${[...byName.keys()].join(", ")}.`;
    throw new ChatError("INVALID_FRAME", { message });
  };

  /** One agent's rule settles it; rules of several agents leave it to the examples of these. */
  const ruleRoute = (text: string, matches: readonly ExampleMatch<Agent>[]): Route | undefined => {
    const claimed = matches.filter(({ owner }) => owner.rules.some((rule) => rule.test(text)));
    const [best] = claimed;
    if (best === undefined) return undefined;
    return { agent: best.owner, confidence: claimed.length === 1 ? 1 : rounded(shareOf(claimed)), method: "rule" };
  };

  /** Where `general` is not theirs, the first that is. */
  const fallback = (previousAgent: string | undefined, doubt: number, mayUse: MayUse): Route => {
    const own = (name: string | undefined) => (name !== undefined && mayUse(name) ? byName.get(name) : undefined);
    const previous = own(previousAgent);
    const agent = previous ?? own(defaultAgentName) ?? agents.find(({ name }) => mayUse(name));
    if (agent === undefined) throw new ChatError("FORBIDDEN", { message: "There is no agent that you may use." });
    const method = previous === undefined || agent.name === defaultAgentName ? "default" : "previous";
    return { agent, confidence: rounded(1 - doubt), method };
  };

  return ({ message, explicit, previousAgent, mayUse = everybodys }: RouteInput): Route => {
    if (explicit !== undefined) return explicitRoute(explicit);
    const text = message.slice(0, MAX_CHARS);
    const matches = matchExamples(text).filter(({ owner }) => mayUse(owner.name));
    const ruled = ruleRoute(text, matches);
    if (ruled !== undefined) return ruled;
    const [best] = matches;
    const confidence = confidenceOf(matches);
    if (best === undefined || confidence < MIN_CONFIDENCE) return fallback(previousAgent, confidence, mayUse);
    return { agent: best.owner, confidence: rounded(confidence), method: "lexical" };
  };
}

/** How near the best is, less half of how near the second is: an exact match that two agents share is worth one half. */
function confidenceOf([best, second]: readonly ExampleMatch<Agent>[]): number {
  return (best?.similarity ?? 0) - (second?.similarity ?? 0) / 2;
}

/** The part of the best in what all of them have; equal parts when the examples say nothing. */
function shareOf(matches: readonly ExampleMatch<Agent>[]): number {
  const sum = matches.reduce((total, { similarity }) => total + similarity, 0);
  return sum === 0 ? 1 / matches.length : (matches[0]?.similarity ?? 0) / sum;
}

/** It is stored and shown: more digits would say more than is known. */
function rounded(confidence: number): number {
  return Math.round(confidence * 1_000) / 1_000;
}
