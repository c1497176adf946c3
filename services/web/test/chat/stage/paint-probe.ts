/** What a reader sees move: the messages in view, from one painted frame to the next. */
export interface PaintProbe {
  /** By how much each frame moved what was in view, in pixels; frames that moved nothing are not listed. */
  readonly moves: number[];
  readonly frames: () => number;
  readonly stop: () => void;
}

/**
 * Looks after the page has corrected the place of the list and before the frame is painted: an observer that was made last is told last, and one that has just
 * begun is told in the same frame. A look in an animation frame would see rows that the page is about to put back.
 */
export function createPaintProbe(scroller: Element): PaintProbe {
  const moves: number[] = [];
  let frames = 0;
  let before = topsIn(scroller);
  let isStopped = false;

  function look(): void {
    const now = topsIn(scroller);
    const moved = [...now].flatMap(([name, top]) => {
      const was = before.get(name);
      return was === undefined ? [] : [Math.abs(top - was)];
    });
    const most = Math.max(0, ...moved);
    // Where nothing of what was in view is left, all of it has moved.
    if (moved.length === 0 && before.size > 0) moves.push(Number.MAX_SAFE_INTEGER);
    else if (most > 1) moves.push(Math.round(most));
    before = now;
    frames++;
  }
  function next(): void {
    requestAnimationFrame(() => {
      const observer = new ResizeObserver(() => {
        observer.disconnect();
        if (isStopped) return;
        look();
        next();
      });
      observer.observe(document.body);
    });
  }
  next();
  return { moves, frames: () => frames, stop: () => void (isStopped = true) };
}

/** By the beginning of their text, as whoever reads knows them: the elements may be others after a change of how the list is drawn. */
function topsIn(scroller: Element): Map<string, number> {
  const { top, bottom } = scroller.getBoundingClientRect();
  const tops = new Map<string, number>();
  for (const article of scroller.querySelectorAll("article")) {
    const box = article.getBoundingClientRect();
    const isRunning = article.getAttribute("aria-busy") === "true";
    if (!isRunning && box.bottom > top && box.top < bottom) {
      tops.set(article.textContent.slice(0, 32), box.top - top);
    }
  }
  return tops;
}
