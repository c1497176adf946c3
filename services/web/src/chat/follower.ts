import { createAnchors } from "./anchors.ts";
import { followsAfter, type Place } from "./follow.ts";

/** Keeps a scrolling list at its end, or exactly where its reader is, whatever grows in it. */
export interface Follower {
  readonly toEnd: () => void;
  /** The list was scrolled to another place by its page: that is where its reader is now. `isAway`: the end is not followed any more, unless they are there. */
  readonly moved: (isAway?: boolean) => void;
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

/** So near to the end nobody has left it. */
const endPx = 8;

/** From what the reader does to the scrolling that it causes: a wheel is animated. */
const readerMs = 400;

export function createFollower(options: FollowerOptions): Follower {
  const { scroller, content, rows, onChange } = options;
  let isFollowing = options.startsAtEnd;
  let before = placeOf(scroller);
  const [anchors, reader] = [createAnchors(scroller, rows), createReader()];
  let later: ReturnType<typeof setTimeout> | undefined;

  function become(next: boolean): void {
    if (next !== isFollowing) onChange((isFollowing = next));
  }

  function toEnd(): void {
    scroller.scrollTop = scroller.scrollHeight;
    before = placeOf(scroller);
    become(true);
  }

  function onScroll(): void {
    const now = placeOf(scroller);
    // Where all rows are there nothing but a reader moves the list up: a scroll bar that is held tells of no event of its own.
    become(followsAfter(isFollowing, before, now, reader.isActive() || rows() !== undefined));
    // What has grown since the last picture must not be taken for where the reader went.
    if (isFollowing) anchors.forget();
    else anchors.hold();
    before = placeOf(scroller);
    options.onScroll();
  }

  /** Before each picture in which something has another height. */
  function settle(): void {
    if (!isFollowing) anchors.hold();
    // A reader who goes up at this moment is not pulled back before the first scroll event says so.
    else if (reader.isActive()) {
      clearTimeout(later);
      later = setTimeout(settle, readerMs);
    } else scroller.scrollTop = scroller.scrollHeight;
    before = placeOf(scroller);
  }

  const stop = [listen(scroller, onScroll, reader.act), watchSizes([content, scroller], settle)];
  if (isFollowing) toEnd();
  return {
    toEnd: () => {
      reader.forget();
      toEnd();
    },
    moved: (isAway = false) => {
      if (isAway && !isAtEnd(placeOf(scroller))) become(false);
      anchors.forget();
      anchors.hold();
      before = placeOf(scroller);
    },
    release: () => {
      for (const one of stop) one();
      clearTimeout(later);
    },
  };
}

function isAtEnd({ top, height, viewport }: Place): boolean {
  return height - top - viewport <= endPx;
}

/** Whether the reader did something a moment ago. */
function createReader() {
  let actedAt = Number.NEGATIVE_INFINITY;
  return {
    isActive: () => performance.now() - actedAt < readerMs,
    act: () => {
      actedAt = performance.now();
    },
    forget: () => {
      actedAt = Number.NEGATIVE_INFINITY;
    },
  };
}

/** Of what a reader does themselves. */
export const readersEvents = ["wheel", "touchstart", "touchmove", "pointerdown", "keydown"] as const;

function listen(scroller: HTMLElement, onScroll: () => void, onReader: () => void): () => void {
  scroller.addEventListener("scroll", onScroll, { passive: true });
  for (const name of readersEvents) scroller.addEventListener(name, onReader, { passive: true });
  return () => {
    scroller.removeEventListener("scroll", onScroll);
    for (const name of readersEvents) scroller.removeEventListener(name, onReader);
  };
}

function watchSizes(elements: readonly Element[], onSize: () => void): () => void {
  const sizes = new ResizeObserver(onSize);
  for (const element of elements) sizes.observe(element);
  return () => sizes.disconnect();
}

function placeOf({ scrollTop, scrollHeight, clientHeight }: HTMLElement): Place {
  return { top: scrollTop, height: scrollHeight, viewport: clientHeight };
}
