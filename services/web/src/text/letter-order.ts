/**
 * Characters that turn the order of the letters round, up to where they end: `safe` and U+202E before `gnp.exe` is read as `safeexe.png`. What a person decides by
 * must not be read otherwise than it is.
 */
const orders = /[\u061c\u202a-\u202e\u2066-\u2069]/gu;

export function isReordered(text: string): boolean {
  return text.search(orders) !== -1;
}

/** With these characters written as JSON can write them. */
export function inWrittenOrder(text: string): string {
  return text.replaceAll(orders, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
