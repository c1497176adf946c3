import { useEffect, useEffectEvent, useRef } from "react";
import { flushSync } from "react-dom";
import { isApple } from "../ui/apple.ts";

/** Ctrl+K, or ⌘K, leads to the search of the list, wherever somebody is. `open`: shows where it is. Returns the place of its field. */
export function useSearchKey(open: () => void) {
  const field = useRef<HTMLInputElement>(null);
  const search = useEffectEvent((event: KeyboardEvent) => {
    if (!isSearchKey(event) || isElsewhere()) return;
    event.preventDefault();
    flushSync(open);
    field.current?.focus();
    field.current?.select();
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => search(event);
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return field;
}

function isSearchKey({ key, ctrlKey, metaKey, shiftKey, altKey }: KeyboardEvent): boolean {
  // Ctrl+K on a Mac deletes the rest of a line.
  const isHeld = isApple() ? metaKey && !ctrlKey : ctrlKey && !metaKey;
  return isHeld && !shiftKey && !altKey && key.toLowerCase() === "k";
}

/** A dialog has to be closed first. The drawer is no other place: the search is in it. */
function isElsewhere(): boolean {
  return document.querySelector("dialog:modal:not(.app-drawer)") !== null;
}
