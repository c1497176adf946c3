import { textOf, toolCallsOf, turn, type ConversationView, type ToolCallPart, type TurnView } from "@parley/protocol";

/** A turn of a view with what is derived from its parts, so that a test may name it. */
export interface ShownTurn extends TurnView {
  readonly text: string;
  readonly tool_calls: readonly ToolCallPart[];
}

export function shown(view: TurnView): ShownTurn {
  return { ...view, text: textOf(view), tool_calls: toolCallsOf(view) };
}

/** Undefined: the view has no such turn. */
export function shownTurn(view: ConversationView, turnId: string): ShownTurn | undefined {
  const known = turn(view, turnId);
  return known === undefined ? undefined : shown(known);
}
