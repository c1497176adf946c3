import { useEffect, useState } from "react";
import type { Row } from "./rows.ts";

/** What a person sees at first: a screen and a half of messages. */
const firstRows = 12;
/** Drawn at a time, so that each takes well below a twentieth of a second. */
const rowsAtOnce = 8;

export interface Revealed {
  readonly rows: readonly Row[];
  /** Whether that is all of them. */
  readonly isWhole: boolean;
}

/**
 * The rows that are drawn by now. Fifty messages with their Markdown are too much for one task: the last ones come first, those before them a few at a time,
 * each behind a picture of its own. `isAtOnce`: whoever draws them takes only what is in view.
 */
export function useRevealed(rows: readonly Row[], isAtOnce: boolean): Revealed {
  const [first, setFirst] = useState(() => firstKeyOf(rows, isAtOnce ? 0 : rows.length - firstRows));
  const found = rows.findIndex((row) => keyOf(row) === first);
  const from = isAtOnce ? 0 : beginningAt(rows, found < 0 ? rows.length - firstRows : found);
  // What was the first one is gone: the conversation has begun anew, or has got its first message.
  if (found < 0 && rows.length > 0) setFirst(firstKeyOf(rows, from));
  useEffect(() => {
    if (isAtOnce || from === 0) return undefined;
    const timer = setTimeout(() => setFirst(firstKeyOf(rows, from - rowsAtOnce)), 0);
    return () => clearTimeout(timer);
  }, [isAtOnce, rows, from]);
  return { rows: from === 0 ? rows : rows.slice(from), isWhole: from === 0 };
}

/** The row of a day changes its key when earlier messages of that day come: it cannot be what is remembered. */
function keyOf(row: Row | undefined): string | undefined {
  return row?.kind === "day" ? undefined : row?.key;
}

function firstKeyOf(rows: readonly Row[], from: number): string | undefined {
  return rows
    .slice(Math.max(0, from))
    .map(keyOf)
    .find((key) => key !== undefined);
}

/** A day stands with the first message below it. */
function beginningAt(rows: readonly Row[], place: number): number {
  const from = Math.max(0, place);
  return rows[from - 1]?.kind === "day" ? from - 1 : from;
}
