import type { Briefing } from "../briefing.ts";
import type { Chain } from "../chain.ts";
import type { ClaimedTurn } from "../claimed-turn.ts";

/**
 * Makes the answer begin with the warning, and says with what it begins. It is decided in the chain, then told, then the model is asked: whoever takes the turn over finds
 * it decided, tells it only where its viewers have it not, and keeps it when the model begins again. Once there are steps they have it, as their text.
 */
export async function openingOf({ fold }: ClaimedTurn, chain: Chain, warning: string): Promise<string> {
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
export function withOpening(briefing: Briefing, opening: string): Briefing {
  if (opening === "") return briefing;
  const note = `The user reads this fixed warning above your answer already:\n"""\n${opening}\n"""\nDo not repeat it and never play it down. Go on from it.`;
  return { ...briefing, systemPrompt: `${note}\n\n${briefing.systemPrompt}` };
}
