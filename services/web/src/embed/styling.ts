/**
 * Styles of a shadow root as sheets of its own, which no policy of the page forbids. A `rem` is what the page says it is, which may be 10 pixels: here it is
 * 16 of them, as where the chat has a page to itself.
 */
export function adopt(root: ShadowRoot, ...styles: readonly string[]): void {
  root.adoptedStyleSheets = styles.map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(inPixels(text));
    return sheet;
  });
}

const pixelsPerRem = 16;

export function inPixels(css: string): string {
  return css.replaceAll(/(?<![\w#.-])(-?\d*\.?\d+)rem\b/g, (_, rem: string) => `${Number(rem) * pixelsPerRem}px`);
}
