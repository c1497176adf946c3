import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { browserStorage, createTextStore } from "../settings/text-store.ts";

/** Beside the conversation, over it as a drawer, or away. */
export interface SidebarState {
  readonly isNarrow: boolean;
  readonly isOpen: boolean;
  readonly open: () => void;
  readonly close: () => void;
  /** Somebody went somewhere: a drawer has done its work. */
  readonly leave: () => void;
}

const narrow = "(max-width: 47.99rem)";
const keptKey = "parley.sidebar";
const kept = createTextStore(browserStorage("localStorage"));

/** On a phone it is a drawer that begins closed; elsewhere it stays as this person left it. */
export function useSidebar(): SidebarState {
  const isNarrow = useSyncExternalStore(onWidth, isNarrowNow, () => false);
  const [isWanted, setWanted] = useState(() => kept.read(keptKey) !== "closed");
  const [isDrawn, setDrawn] = useState(false);
  useEffect(() => {
    kept.write(keptKey, isWanted ? "open" : "closed");
  }, [isWanted]);
  const set = useCallback((isOpen: boolean) => (isNarrow ? setDrawn(isOpen) : setWanted(isOpen)), [isNarrow]);
  return {
    isNarrow,
    isOpen: isNarrow ? isDrawn : isWanted,
    open: () => set(true),
    close: () => set(false),
    leave: () => setDrawn(false),
  };
}

function onWidth(listener: () => void): () => void {
  const query = matchMedia(narrow);
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}

function isNarrowNow(): boolean {
  return matchMedia(narrow).matches;
}
