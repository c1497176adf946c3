/** What a key means in the box where messages are written. */

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
