/** Holds what a reader sees in its place while something above it grows, shrinks, comes or goes. */
export interface Anchors {
  /** Puts back what was at the top of the viewport, and takes what is there now for the next time. */
  readonly hold: () => void;
  readonly forget: () => void;
}

interface Anchor {
  readonly row: Element;
  /** Below the beginning of all that scrolls: nothing but a change of what is above it moves it there. */
  readonly top: number;
}

/** The row of a day goes when an earlier message of that day comes: then the next one counts. */
const anchorCount = 3;

/** `rows`: undefined while whoever draws only a part of them holds their place. */
export function createAnchors(scroller: HTMLElement, rows: () => HTMLElement | undefined): Anchors {
  let anchors: readonly Anchor[] = [];
  return {
    hold: () => {
      const anchor = anchors.find(({ row }) => row.isConnected);
      const moved = anchor === undefined ? 0 : topIn(scroller, anchor.row) - anchor.top;
      if (Math.abs(moved) >= 0.5) scroller.scrollTop += moved;
      anchors = anchorsIn(scroller, rows());
    },
    forget: () => {
      anchors = [];
    },
  };
}

function topIn(scroller: HTMLElement, row: Element): number {
  return row.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
}

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
