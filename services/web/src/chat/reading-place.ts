import type { HistoryView } from "@parley/react";
import { useLayoutEffect, useRef, type RefObject } from "react";
import type { VirtualizerHandle } from "virtua";
import { readersEvents } from "./follower.ts";
import { readingPlaces, type ReadingPlace } from "./places.ts";
import type { Row } from "./rows.ts";

interface Drawn {
  readonly rows: readonly Row[];
  /** Where all rows are drawn, their elements. */
  readonly whole: HTMLElement | null;
  /** Where a part of them is. */
  readonly part: VirtualizerHandle | null;
}

interface ReadingPlaceOptions {
  readonly conversationId: string;
  readonly place: ReadingPlace | undefined;
  readonly rows: readonly Row[];
  readonly isFollowing: boolean;
  /** Undefined: there is nothing before the first row. */
  readonly history: HistoryView | undefined;
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly drawn: RefObject<HTMLDivElement | null>;
  readonly virtualizer: RefObject<VirtualizerHandle | null>;
  /** To be called when the list was scrolled here. */
  readonly onMoved: () => void;
}

/** Pages that are asked for, to find a place again: 2,000 messages. */
const maxPages = 40;

/** Goes back to where somebody has read before, and keeps the place when they leave. */
export function useReadingPlace(options: ReadingPlaceOptions): void {
  const { conversationId, place, rows, history, scroller, drawn, virtualizer, onMoved } = options;
  const latest = useRef(options);
  /** Pages that may still be asked for; 0 when the place is found, or is not looked for any more. */
  const left = useRef(place === undefined ? 0 : maxPages);
  useLayoutEffect(() => {
    latest.current = options;
  });
  useLayoutEffect(() => {
    const list = scroller.current;
    if (list === null || place === undefined || left.current === 0) return;
    const isFound = goTo(list, place, { rows, whole: drawn.current, part: virtualizer.current });
    if (isFound) onMoved();
    // What was read in an older page is there again when that page is.
    if (isFound || history?.hasMore !== true || history.error !== undefined) left.current = 0;
    else if (!history.isLoading) {
      left.current -= 1;
      history.loadOlder();
    }
  }, [place, rows, history, scroller, drawn, virtualizer, onMoved]);
  useLayoutEffect(() => {
    const list = scroller.current;
    const now = (): Drawn => ({ rows: latest.current.rows, whole: drawn.current, part: virtualizer.current });
    // The elements are gone when the list is taken away; the place is that of the last scroll before.
    let last: ReadingPlace | undefined = place;
    const note = () => {
      if (list !== null && left.current === 0) last = placeIn(list, now());
    };
    // Whoever reads on meanwhile is somewhere else.
    const act = () => {
      left.current = 0;
    };
    list?.addEventListener("scroll", note, { passive: true });
    for (const name of readersEvents) list?.addEventListener(name, act, { passive: true });
    return () => {
      list?.removeEventListener("scroll", note);
      for (const name of readersEvents) list?.removeEventListener(name, act);
      readingPlaces.keep(conversationId, latest.current.isFollowing ? undefined : last);
    };
  }, [conversationId, place, scroller, drawn, virtualizer]);
}

/** False: it is not among these rows; then the list is at their beginning, which is the next best. */
export function goTo(list: HTMLElement, { key, offsetPx }: ReadingPlace, { rows, whole, part }: Drawn): boolean {
  const index = rows.findIndex((row) => row.key === key);
  const row = whole?.children[index];
  if (index < 0) list.scrollTop = 0;
  else if (row instanceof HTMLElement) list.scrollTop = row.offsetTop + offsetPx;
  else part?.scrollToIndex(index, { align: "start", offset: offsetPx });
  return index >= 0;
}

function placeIn({ scrollTop }: HTMLElement, { rows, whole, part }: Drawn): ReadingPlace | undefined {
  const first = part === null ? firstInView(whole, scrollTop) : part.findItemIndex(scrollTop);
  // The row of a day is another one when earlier messages of that day are there, or are not.
  const index = rows[first]?.kind === "day" ? first + 1 : first;
  const [key, row] = [rows[index]?.key, whole?.children[index]];
  if (key === undefined) return undefined;
  if (part !== null) return { key, offsetPx: scrollTop - part.getItemOffset(index) };
  return row instanceof HTMLElement ? { key, offsetPx: scrollTop - row.offsetTop } : undefined;
}

function firstInView(whole: HTMLElement | null, scrollTop: number): number {
  const isInView = (row: Element) => row instanceof HTMLElement && row.offsetTop + row.offsetHeight > scrollTop;
  return Array.from(whole?.children ?? []).findIndex(isInView);
}
