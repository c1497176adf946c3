import { followsAfter, type Place } from "./follow.ts";

/** Keeps a scrolling list at its end, or exactly where its reader is, whatever grows in it. */
export interface Follower {
  readonly isFollowing: () => boolean;
  readonly toEnd: () => void;
  readonly release: () => void;
}

interface FollowerOptions {
  readonly scroller: HTMLElement;
  /** All that scrolls: its height is watched. */
  readonly content: HTMLElement;
  /** The rows, where the browser has them all; undefined: whoever draws a part of them holds their place. */
  readonly rows: () => HTMLElement | undefined;
  readonly onChange: (isFollowing: boolean) => void;
  readonly onScroll: () => void;
  readonly startsAtEnd: boolean;
}

/** From what the reader does to the scrolling that it causes: a wheel is animated. */
const readerMs = 400;

interface Anchor {
  readonly row: Element;
  /** Below the beginning of all that scrolls: nothing but a change of what is above it moves it there. */
  readonly top: number;
}

export function createFollower(options: FollowerOptions): Follower {
  const { scroller, content, rows, onChange } = options;
  let isFollowing = options.startsAtEnd;
  let before = placeOf(scroller);
  let anchors: readonly Anchor[] = [];
  let readerActedAt = Number.NEGATIVE_INFINITY;
  let later: ReturnType<typeof setTimeout> | undefined;
  const isByReader = () => performance.now() - readerActedAt < readerMs;

  function become(next: boolean): void {
    if (next === isFollowing) return;
    isFollowing = next;
    onChange(next);
  }

  function toEnd(): void {
    scroller.scrollTop = scroller.scrollHeight;
    before = placeOf(scroller);
    become(true);
  }

  function onScroll(): void {
    const now = placeOf(scroller);
    // Where all rows are there nothing but a reader moves the list up: a scroll bar that is held tells of no event of its own.
    become(followsAfter(isFollowing, before, now, isByReader() || rows() !== undefined));
    // What has grown since the last picture must not be taken for where the reader went.
    if (isFollowing) anchors = [];
    else hold();
    before = placeOf(scroller);
    options.onScroll();
  }

  /** What was at the top of the viewport is there again, if what is above it has another height; scrolled by as much as the reader did since. */
  function hold(): void {
    const anchor = anchors.find(({ row }) => row.isConnected);
    const moved = anchor === undefined ? 0 : topIn(scroller, anchor.row) - anchor.top;
    if (Math.abs(moved) >= 0.5) scroller.scrollTop += moved;
    anchors = anchorsIn(scroller, rows());
  }

  /** Before each picture in which something has another height. */
  function settle(): void {
    if (!isFollowing) hold();
    // A reader who goes up at this moment is not pulled back before the first scroll event says so.
    else if (isByReader()) settleLater();
    else scroller.scrollTop = scroller.scrollHeight;
    before = placeOf(scroller);
  }

  function settleLater(): void {
    clearTimeout(later);
    later = setTimeout(settle, readerMs);
  }

  const stop = listen(scroller, onScroll, () => {
    readerActedAt = performance.now();
  });
  const sizes = new ResizeObserver(settle);
  sizes.observe(content);
  sizes.observe(scroller);
  if (isFollowing) toEnd();
  return {
    isFollowing: () => isFollowing,
    toEnd: () => {
      readerActedAt = Number.NEGATIVE_INFINITY;
      toEnd();
    },
    release: () => {
      stop();
      clearTimeout(later);
      sizes.disconnect();
    },
  };
}

const readersEvents = ["wheel", "touchstart", "touchmove", "pointerdown", "keydown"] as const;

function listen(scroller: HTMLElement, onScroll: () => void, onReader: () => void): () => void {
  scroller.addEventListener("scroll", onScroll, { passive: true });
  for (const name of readersEvents) scroller.addEventListener(name, onReader, { passive: true });
  return () => {
    scroller.removeEventListener("scroll", onScroll);
    for (const name of readersEvents) scroller.removeEventListener(name, onReader);
  };
}

function placeOf({ scrollTop, scrollHeight, clientHeight }: HTMLElement): Place {
  return { top: scrollTop, height: scrollHeight, viewport: clientHeight };
}

function topIn(scroller: HTMLElement, row: Element): number {
  return row.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
}

/** The row of a day goes when an earlier message of that day comes: then the next one counts. */
const anchorCount = 3;

/** The first rows of which something is in view. They stand below each other, so that half of those left are ruled out at each look. */
function anchorsIn(scroller: HTMLElement, rows: HTMLElement | undefined): Anchor[] {
  if (rows === undefined) return [];
  const { top } = scroller.getBoundingClientRect();
  let [low, high] = [0, rows.children.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    const bottom = rows.children[middle]?.getBoundingClientRect().bottom ?? 0;
    if (bottom > top) high = middle;
    else low = middle + 1;
  }
  return Array.from({ length: anchorCount }, (_, place) => rows.children[low + place])
    .filter((row) => row !== undefined)
    .map((row) => ({ row, top: topIn(scroller, row) }));
}
