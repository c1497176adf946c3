import { useEffect, useState, type RefObject } from "react";
import type { CacheSnapshot } from "virtua";
import type { Row } from "./rows.ts";
import { useRevealed } from "./use-revealed.ts";

/** Below so many rows all of them are drawn: the browser's own search then finds every word, and nothing that was opened closes when it leaves the view. */
const drawnWhole = 200;
/** The same for somebody who reads further up: the change between both is made where nobody looks. */
const drawnWholeWhileReading = 600;
/** After the last change of its rows the list has its place again, and can be drawn in the other way. */
const restMs = 100;

/** All rows; or those in view, of which virtua is told the heights that all had when they were last drawn. */
type Drawing = "whole" | { readonly heights: CacheSnapshot | undefined };

interface DrawingOptions {
  readonly rows: readonly Row[];
  readonly isFollowing: boolean;
  /** All rows at once, as for somebody who comes back to where they were. */
  readonly isAtOnce: boolean;
  readonly drawn: RefObject<HTMLDivElement | null>;
}

/** What is drawn of the rows, and how. The change to a part is made behind a picture of the whole, so that nothing moves; once it is made it stays so. */
export function useDrawing({ rows: all, isFollowing, isAtOnce, drawn }: DrawingOptions) {
  const [drawing, setDrawing] = useState<Drawing>(all.length <= drawnWhole ? "whole" : { heights: undefined });
  const { rows, isWhole } = useRevealed(all, drawing !== "whole" || isAtOnce);
  const isTooLong = rows.length > (isFollowing ? drawnWhole : drawnWholeWhileReading);
  const mayChange = drawing === "whole" && isWhole && isTooLong;
  useEffect(() => {
    if (!mayChange) return undefined;
    const timer = setTimeout(() => {
      const heights = heightsIn(drawn.current);
      if (heights.length === rows.length) setDrawing({ heights: [heights, averageOf(heights)] });
    }, restMs);
    return () => clearTimeout(timer);
  }, [mayChange, rows, drawn]);
  return { drawing, rows, isWhole } as const;
}

function heightsIn(drawn: HTMLElement | null): number[] {
  return Array.from(drawn?.children ?? [], (row) => row.getBoundingClientRect().height);
}

function averageOf(heights: readonly number[]): number {
  return heights.reduce((sum, height) => sum + height, 0) / Math.max(1, heights.length);
}

/** Whether rows have come before the first one since the last picture: the list then keeps its place from its end. */
export function useIsPrepended(rows: readonly Row[]): boolean {
  const first = rows.find(({ kind }) => kind !== "day")?.key;
  const [seen, setSeen] = useState<{ readonly first: string | undefined; readonly changedTo?: readonly Row[] }>({
    first,
  });
  if (seen.first !== first) setSeen({ first, changedTo: rows });
  return seen.changedTo === rows;
}

/** How many messages have come below since the reader left the end. */
export function useUnseen(rows: readonly Row[], isFollowing: boolean): number {
  const [leftAt, setLeftAt] = useState<string>();
  const last = rows.findLast(({ kind }) => kind === "message")?.key;
  if (isFollowing && leftAt !== last) setLeftAt(last);
  if (isFollowing || leftAt === undefined) return 0;
  const from = rows.findLastIndex(({ key }) => key === leftAt);
  return from < 0 ? 0 : rows.slice(from + 1).filter(({ kind }) => kind === "message").length;
}
