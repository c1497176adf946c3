import { useEffect, useId, useState, type KeyboardEvent, type RefObject } from "react";
import { begunAt, completed, suggestionsFor, type Candidate } from "./mentions.ts";

interface MentionsOf {
  readonly field: RefObject<HTMLTextAreaElement | null>;
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly candidates: readonly Candidate[];
}

const nobody: readonly Candidate[] = [];

/** Completes names behind an `@`: arrows choose, Enter and Tab take, Esc leaves it. */
export function useMentions({ field, text, setText, candidates }: MentionsOf) {
  const id = useId();
  const [caret, setCaret] = useState<number>();
  const [active, setActive] = useState(0);
  /** Where the `@` stands that somebody does not want to be completed. */
  const [dismissed, setDismissed] = useState<number>();
  const [wanted, setWanted] = useState<number>();
  const begun = caret === undefined || candidates.length === 0 ? undefined : begunAt(text, caret);
  const shown = begun === undefined || begun.at === dismissed ? nobody : suggestionsFor(begun.prefix, candidates);
  const at = Math.min(active, Math.max(0, shown.length - 1));
  useEffect(() => {
    // When the text is in the field.
    if (wanted !== undefined) field.current?.setSelectionRange(wanted, wanted);
  }, [wanted, field]);

  const pick = (candidate: Candidate) => {
    if (begun === undefined) return;
    const next = completed(text, begun, candidate);
    setText(next.text);
    setCaret(undefined);
    setWanted(next.caret);
    field.current?.focus({ preventScroll: true });
  };
  /** To be called when the text or the place in it has changed. */
  const note = () => {
    const now = field.current?.selectionStart;
    setWanted(undefined);
    if (now === caret) return;
    setCaret(now);
    setActive(0);
    if (now !== undefined && now <= (dismissed ?? -1)) setDismissed(undefined);
  };
  const left = () => setCaret(undefined);
  return {
    list: { id, shown, active: at, onPick: pick },
    props:
      candidates.length === 0 ? {} : { ...attributesOf(id, shown.length === 0 ? undefined : at), ...heard(note, left) },
    note,
    /** True: the key was meant for the list. */
    onKeyDown: (event: KeyboardEvent): boolean => {
      if (shown.length === 0 || event.nativeEvent.isComposing) return false;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const chosen = shown[at];
      if (step !== undefined) setActive((at + step + shown.length) % shown.length);
      else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && chosen !== undefined) pick(chosen);
      else if (event.key === "Escape") setDismissed(begun?.at);
      else return false;
      event.preventDefault();
      event.stopPropagation();
      return true;
    },
  } as const;
}

/** A box of several lines may be no combobox (ARIA in HTML): it says what such a one would say. */
function attributesOf(id: string, active: number | undefined) {
  const open = active === undefined ? {} : { "aria-controls": id, "aria-activedescendant": `${id}-${active}` };
  return { "aria-autocomplete": "list", "aria-haspopup": "listbox", ...open } as const;
}

function heard(note: () => void, left: () => void) {
  return { onKeyUp: note, onPointerUp: note, onBlur: left } as const;
}
