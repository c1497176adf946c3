import { use, useCallback, useEffect, useRef, useState } from "react";
import { DraftsOf, type KeptTexts } from "./kept-texts.ts";

/** A pause in typing, after which the draft is kept. */
const pauseMs = 300;

/** What is in the box, kept in this browser until it is sent: a reload or another conversation loses nothing. */
export function useDraft(name: string): [string, (text: string) => void] {
  const drafts = use(DraftsOf);
  const [text, setText] = useState(() => drafts.read(name));
  /** What was typed and is not kept yet. What was kept before may be gone for a reason: its author has signed out. */
  const unkept = useRef<string>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const keep = useCallback(() => {
    clearTimeout(timer.current);
    if (unkept.current !== undefined) drafts.keep(name, unkept.current);
    unkept.current = undefined;
  }, [drafts, name]);
  const change = (next: string) => {
    unkept.current = next;
    setText(next);
    clearTimeout(timer.current);
    // What was sent must not be there again after a crash.
    if (next === "") keep();
    else timer.current = setTimeout(keep, pauseMs);
  };
  useLearnt(drafts, name, { text, setText });
  useEffect(() => {
    globalThis.addEventListener("pagehide", keep);
    return () => {
      globalThis.removeEventListener("pagehide", keep);
      keep();
    };
  }, [keep]);
  return [text, change];
}

interface Box {
  readonly text: string;
  readonly setText: (text: string) => void;
}

/** Whose drafts they are may be known only later: what was kept then comes into a box that is empty, and what has been typed meanwhile is kept. */
function useLearnt(drafts: KeptTexts, name: string, { text, setText }: Box): void {
  const [from, setFrom] = useState(drafts);
  const latest = useRef(text);
  useEffect(() => {
    latest.current = text;
  });
  if (from !== drafts) {
    setFrom(drafts);
    if (text === "") setText(drafts.read(name));
  }
  const known = useRef(drafts);
  useEffect(() => {
    if (known.current === drafts) return;
    known.current = drafts;
    if (latest.current !== "") drafts.keep(name, latest.current);
  }, [drafts, name]);
}
