/** When a list keeps to its end while it grows, and when it stays where its reader is: the decision alone, without a browser. */

export interface Place {
  readonly top: number;
  readonly height: number;
  readonly viewport: number;
}

/** Zoom and fractional pixels leave a rest. */
const endTolerancePx = 4;

function distanceToEnd({ top, height, viewport }: Place): number {
  return Math.max(0, height - viewport - top);
}

/**
 * Whether the list follows its end after it has scrolled from one place to another. At the end it does. A reader who goes up leaves it, however
 * little: the next word must not pull them back. Where the height has changed as well, the list may have been moved by what grew or shrank in
 * it: that leaves nothing, unless the reader did something at that moment.
 */
export function followsAfter(isFollowing: boolean, before: Place, now: Place, isByReader: boolean): boolean {
  const wentUp = now.top < before.top - 0.5;
  const distance = distanceToEnd(now);
  if (wentUp && isByReader && distance > 1) return false;
  if (distance <= endTolerancePx) return true;
  if (!wentUp) return isFollowing;
  return isFollowing && !isByReader && now.height !== before.height;
}
