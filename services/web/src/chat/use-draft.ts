import { useEffect, useRef, useState } from "react";
import { drafts } from "./kept-texts.ts";

/** A pause in typing, after which the draft is kept. */
const pauseMs = 300;

/** What is in the box, kept in this browser until it is sent: a reload or another conversation loses nothing. */
export function useDraft(name: string): [string, (text: string) => void] {
  const [text, setText] = useState(() => drafts.read(name));
  const latest = useRef(text);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const change = (next: string) => {
    latest.current = next;
    setText(next);
    clearTimeout(timer.current);
    // What was sent must not be there again after a crash.
    if (next === "") drafts.keep(name, "");
    else timer.current = setTimeout(() => drafts.keep(name, next), pauseMs);
  };
  useEffect(() => {
    const keep = () => {
      clearTimeout(timer.current);
      drafts.keep(name, latest.current);
    };
    globalThis.addEventListener("pagehide", keep);
    return () => {
      globalThis.removeEventListener("pagehide", keep);
      keep();
    };
  }, [name]);
  return [text, change];
}
