import { useLayoutEffect, useRef, type RefObject } from "react";
import type { VirtualizerHandle } from "virtua";
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
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly drawn: RefObject<HTMLDivElement | null>;
  readonly virtualizer: RefObject<VirtualizerHandle | null>;
}

/** Goes back to where somebody has read before, and keeps the place when they leave. */
export function useReadingPlace(options: ReadingPlaceOptions): void {
  const { conversationId, place, scroller, drawn, virtualizer } = options;
  const latest = useRef(options);
  useLayoutEffect(() => {
    latest.current = options;
  });
  useLayoutEffect(() => {
    const list = scroller.current;
    const now = (): Drawn => ({ rows: latest.current.rows, whole: drawn.current, part: virtualizer.current });
    if (list !== null && place !== undefined) goTo(list, place, now());
    // The elements are gone when the list is taken away; the place is that of the last scroll before.
    let last: ReadingPlace | undefined = place;
    const note = () => {
      last = list === null ? undefined : placeIn(list, now());
    };
    list?.addEventListener("scroll", note, { passive: true });
    return () => {
      list?.removeEventListener("scroll", note);
      readingPlaces.keep(conversationId, latest.current.isFollowing ? undefined : last);
    };
  }, [conversationId, place, scroller, drawn, virtualizer]);
}

function goTo(list: HTMLElement, { key, offsetPx }: ReadingPlace, { rows, whole, part }: Drawn): void {
  const index = rows.findIndex((row) => row.key === key);
  const row = whole?.children[index];
  if (index < 0) list.scrollTop = 0;
  else if (row instanceof HTMLElement) list.scrollTop = row.offsetTop + offsetPx;
  else part?.scrollToIndex(index, { align: "start", offset: offsetPx });
}

function placeIn({ scrollTop }: HTMLElement, { rows, whole, part }: Drawn): ReadingPlace | undefined {
  const index = part === null ? firstInView(whole, scrollTop) : part.findItemIndex(scrollTop);
  const [key, row] = [rows[index]?.key, whole?.children[index]];
  if (key === undefined) return undefined;
  if (part !== null) return { key, offsetPx: scrollTop - part.getItemOffset(index) };
  return row instanceof HTMLElement ? { key, offsetPx: scrollTop - row.offsetTop } : undefined;
}

function firstInView(whole: HTMLElement | null, scrollTop: number): number {
  const isInView = (row: Element) => row instanceof HTMLElement && row.offsetTop + row.offsetHeight > scrollTop;
  return Array.from(whole?.children ?? []).findIndex(isInView);
}
