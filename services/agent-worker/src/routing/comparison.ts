import { defaultAgentName, type Agent } from "../agents/agent.ts";
import { charGramsOf } from "./char-grams.ts";
import { createExampleSpace } from "./example-space.ts";
import { featuresOf, type Features } from "./likelihood.ts";
import { pointsBack } from "./pointing-words.ts";
import { wordsOf } from "./words.ts";

export interface ComparedMessage {
  readonly text: string;
  readonly previousAgent: string | undefined;
  readonly mayUse: (agent: string) => boolean;
}

/** An agent that may answer, and what speaks for it. */
export interface Compared {
  readonly agent: Agent;
  readonly features: Features;
  /** What it would be chosen by. */
  readonly method: "lexical" | "previous" | "default";
  /** Something says what it is for. Without examples it is reached by name or rule only. */
  readonly isKnown: boolean;
  /** It gave the answer before, or answers what is nobody's. */
  readonly isFallback: boolean;
}

/** Less like every example of an agent than this, by words and by their pieces, a message does not itself say that it is this agent's. */
const saysItself = 0.2;

const nothing = { nearest: 0, evidence: 0 };

/** Compares a message with the examples of all agents; gives those that may answer, in their order. */
export function createComparison(agents: readonly Agent[]) {
  const words = createExampleSpace(agents, wordsOf);
  const grams = createExampleSpace(agents, charGramsOf);

  return ({ text, previousAgent, mayUse }: ComparedMessage): Compared[] => {
    const [byWord, byGram] = [words(text), grams(text)];
    const usable = agents.filter(({ name }) => mayUse(name));
    // Where `general` is not theirs, the first that is answers what is nobody's.
    const nobodys = usable.find(({ name }) => name === defaultAgentName) ?? usable[0];
    const previous = usable.find((agent) => agent.name === previousAgent && agent !== nobodys);
    const wording = { words: byWord.terms, known: byWord.known, points: pointsBack(text) };

    return agents.flatMap((agent, at): Compared[] => {
      if (!usable.includes(agent)) return [];
      const [word = nothing, gram = nothing] = [byWord.owners[at], byGram.owners[at]];
      const standing = {
        isPrevious: agent === previous,
        isDefault: agent === nobodys,
        isFollowing: previous !== undefined,
      };
      const saysSo = Math.max(word.nearest, gram.nearest) >= saysItself;
      const isFallback = standing.isPrevious || standing.isDefault;
      const isKnown = agent.examples.length > 0 || isFallback;
      const features = featuresOf(word, gram, standing, wording);
      return [{ agent, features, method: methodOf(standing, saysSo), isKnown, isFallback }];
    });
  };
}

function methodOf(
  { isPrevious, isDefault }: { readonly isPrevious: boolean; readonly isDefault: boolean },
  saysSo: boolean,
): Compared["method"] {
  if (saysSo) return "lexical";
  if (isPrevious) return "previous";
  return isDefault ? "default" : "lexical";
}
