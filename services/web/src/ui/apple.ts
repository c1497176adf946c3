/** Whether ⌘ is what Ctrl is elsewhere. */
export function isApple(): boolean {
  return /Mac|iP(?:hone|ad|od)/.test(globalThis.navigator?.userAgent ?? "");
}
