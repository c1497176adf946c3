import { annotationOf } from "./objects.ts";
import { isPieceEnd } from "../turn/pieces.ts";
import type { PlannedItem } from "./plan.ts";
import type { SaidItem } from "./said-item.ts";

/** `behind`: what was said may still come. `other`: it will not. */
export type Standing = "same" | "behind" | "other";

/** Of what was said, to what is to be said in its place. */
export function standingOf(item: SaidItem, plan: PlannedItem | undefined, isEnd: boolean): Standing {
  if (plan === undefined) return isEnd ? "other" : "behind";
  if (plan.kind !== item.kind) return "other";
  if (plan.kind === "message" || plan.kind === "reasoning") {
    if (annotationsIn(item.plan) !== annotationsIn(plan)) return "other";
    return standingOfText(item, plan);
  }
  return standingOfCall(item, plan);
}

/** What was said must be pieces of what is to be said: that the same characters were cut elsewhere would count their events otherwise. */
function standingOfText({ text, isDone }: SaidItem, plan: Extract<PlannedItem, { text: string }>): Standing {
  if (!plan.text.startsWith(text)) return text.startsWith(plan.text) && !plan.isWhole ? "behind" : "other";
  if (isDone) {
    if (plan.text.length > text.length) return "other";
    return plan.isWhole ? "same" : "behind";
  }
  const isEnd = isPieceEnd(plan.text, text.length, plan.isWhole);
  if (isEnd === undefined) return "behind";
  return isEnd ? "same" : "other";
}

function annotationsIn(plan: PlannedItem): string {
  return plan.kind === "message" ? JSON.stringify(plan.sources.map(annotationOf)) : "";
}

function standingOfCall({ plan: before, isDone }: SaidItem, plan: Exclude<PlannedItem, { text: string }>): Standing {
  if (before.kind === "message" || before.kind === "reasoning" || before.call.call_id !== plan.call.call_id)
    return "other";
  return isDone && !plan.isWhole ? "behind" : "same";
}
