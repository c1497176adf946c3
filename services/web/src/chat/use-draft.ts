import { useEffect, useRef, useState } from "react";
import { drafts } from "./kept-texts.ts";

/** A pause in typing, after which the draft is kept. */
const pauseMs = 300;

/** What is to be kept when the pause is over; undefined: nothing is. */
interface Keeping {
  current: { readonly text: string; readonly timer: ReturnType<typeof setTimeout> } | undefined;
}

/**
 * What is in the box, kept in this browser until it is sent: a reload or another conversation loses nothing. Only what was typed here is written: another tab may have
 * typed or sent since, and who has signed out leaves nothing behind.
 */
export function useDraft(name: string): [string, (text: string) => void] {
  const [text, setText] = useState(() => drafts.read(name));
  const keeping: Keeping = useRef<Keeping["current"]>(undefined);
  const change = (next: string) => {
    clearTimeout(keeping.current?.timer);
    keeping.current = undefined;
    setText(next);
    // What was sent must not be there again after a crash.
    if (next === "") drafts.keep(name, "");
    else keeping.current = { text: next, timer: setTimeout(() => keepNow(name, keeping), pauseMs) };
  };
  useEffect(() => {
    const keep = () => keepNow(name, keeping);
    globalThis.addEventListener("pagehide", keep);
    return () => {
      globalThis.removeEventListener("pagehide", keep);
      keep();
    };
  }, [name]);
  return [text, change];
}

function keepNow(name: string, keeping: Keeping): void {
  if (keeping.current === undefined) return;
  clearTimeout(keeping.current.timer);
  drafts.keep(name, keeping.current.text);
  keeping.current = undefined;
}
