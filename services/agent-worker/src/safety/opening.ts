import type { Briefing } from "../briefing.ts";
import type { Chain } from "../chain.ts";
import type { ClaimedTurn } from "../claimed-turn.ts";
import type { SafetyLists } from "./safety-lists.ts";

interface Warned {
  readonly turn: ClaimedTurn;
  readonly chain: Chain;
  readonly safety: SafetyLists;
}

/** The answer begins with the warning that the message needs, where the agent names a list; what was decided before stays, whatever the list says by now. */
export async function withWarning(briefing: Briefing, { turn, chain, safety }: Warned): Promise<Briefing> {
  const warning = turn.fold.opening || safety.get(briefing.agent.safety ?? "")?.(turn.request.message);
  return warning === undefined ? briefing : withOpening(briefing, await openingOf(turn, chain, warning));
}

/**
 * Makes the answer begin with the warning, and says with what it begins. It is decided in the chain, then told, then the model is asked: whoever takes the turn over finds
 * it decided, tells it only where its viewers have it not, and keeps it when the model begins again. Once there are steps they have it, as their text.
 */
async function openingOf({ fold }: ClaimedTurn, chain: Chain, warning: string): Promise<string> {
  if (fold.steps.length > 0) return fold.opening || beginningIn(fold.text, warning);
  if (fold.opening === "") chain.push({ type: "_opening", text: warning });
  const opening = fold.opening || warning;
  if (!fold.text.startsWith(opening)) {
    // Text of a worker that did not know of warnings: it would stand before this one.
    if (fold.text !== "") chain.push({ type: "turn_restarted", text: "" });
    chain.text(opening);
  }
  await chain.stored();
  fold.committedText = opening;
  return opening;
}

/** After a wait whose events were forgotten. */
function beginningIn(text: string, warning: string): string {
  return text.startsWith(warning) ? warning : "";
}

/** The model is told what stands there already, first of all. */
function withOpening(briefing: Briefing, opening: string): Briefing {
  if (opening === "") return briefing;
  const note = `The user reads this fixed warning above your answer already:\n"""\n${opening}\n"""\nDo not repeat it and never play it down. Go on from it.`;
  return { ...briefing, systemPrompt: `${note}\n\n${briefing.systemPrompt}` };
}
