/** Frames do not come while a page is hidden, or when it is hidden while one is awaited. */
const latestMs = 250;

/**
 * Returns a function that has `work` done once, in the next animation frame, however often it is called until then; at once (in a task of its own) where
 * nobody looks: a hidden page has no frames, and Node.js has none at all.
 */
export function oncePerFrame(work: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let frame: number | undefined;

  function run(): void {
    clearTimeout(timer);
    if (frame !== undefined) cancelAnimationFrame(frame);
    timer = frame = undefined;
    work();
  }

  return () => {
    if (timer !== undefined) return;
    const isSeen = typeof document !== "undefined" && !document.hidden;
    if (isSeen) frame = requestAnimationFrame(run);
    timer = setTimeout(run, isSeen ? latestMs : 0);
  };
}
