/** What keys mean in the conversation pane. */

export interface PressedKey {
  readonly key: string;
  readonly keyCode: number;
  readonly isComposing: boolean;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

interface Box {
  readonly text: string;
  readonly sendsWithEnter: boolean;
}

/**
 * Whether Esc, pressed here, is meant for the answer that runs. A dialog or a menu that is open inside the pane is closed by it, and who fills in a form does not mean
 * the answer. What the whole pane stands in does not count.
 */
export function isForAnswer(target: Element, pane: Element): boolean {
  const inner = target.closest("dialog, [popover], form");
  return (inner === null || !pane.contains(inner)) && pane.querySelector("[popover]:popover-open") === null;
}

/**
 * While an input method composes, Enter takes its suggestion and Esc drops it: both belong to it. Safari ends the composition before it tells of the
 * key, which then has the code 229.
 */
export function meaningOf(pressed: PressedKey, { text, sendsWithEnter }: Box): "send" | "recall" | undefined {
  if (pressed.isComposing || pressed.keyCode === 229) return undefined;
  const withModifier = pressed.ctrlKey || pressed.metaKey;
  if (pressed.shiftKey || pressed.altKey) return undefined;
  if (pressed.key === "Enter") return sendsWithEnter || withModifier ? "send" : undefined;
  return pressed.key === "ArrowUp" && text === "" && !withModifier ? "recall" : undefined;
}
