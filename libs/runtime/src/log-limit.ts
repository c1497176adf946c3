/** So many lines with one text in a window; the rest is counted. */
const MAX_LINES = 20;
const WINDOW_MS = 10_000;
/** Texts that are remembered: messages are literals, so there are few; this bounds those that are not. */
const MAX_TEXTS = 500;

interface Window {
  endsMs: number;
  lines: number;
  dropped: number;
}

/**
 * Holds back a warning that is repeated for every frame or job while something is down: the first 20 within ten seconds are written, and
 * the next one after that says how many were not.
 */
export function createLogLimit(now: () => number = () => performance.now()) {
  const windows = new Map<string, Window>();

  const windowOf = (text: string): Window => {
    const known = windows.get(text);
    if (known !== undefined) return known;
    if (windows.size >= MAX_TEXTS) windows.clear();
    const window = { endsMs: 0, lines: 0, dropped: 0 };
    windows.set(text, window);
    return window;
  };

  /** Whether the line may be written, and how many before it were not. */
  return (text: string): { passes: boolean; dropped: number } => {
    const window = windowOf(text);
    if (now() >= window.endsMs) {
      const { dropped } = window;
      Object.assign(window, { endsMs: now() + WINDOW_MS, lines: 1, dropped: 0 });
      return { passes: true, dropped };
    }
    if (window.lines >= MAX_LINES) {
      window.dropped++;
      return { passes: false, dropped: 0 };
    }
    window.lines++;
    return { passes: true, dropped: 0 };
  };
}
