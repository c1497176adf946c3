import type { Page } from "playwright-core";

/** What sticks out of the window, or scrolls the page itself sideways. */
export async function cut(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    const width = document.documentElement.clientWidth;
    const found = document.documentElement.scrollWidth > width ? ["the page scrolls sideways"] : [];
    const scrolls = (node) => {
      for (let it = node.parentElement; it !== null; it = it.parentElement)
        if (/(auto|scroll|hidden|clip)/.test(getComputedStyle(it).overflowX) && it.clientWidth <= width) return true;
      return false;
    };
    const log = document.querySelector("[role=log]");
    if (log !== null && log.scrollWidth > log.clientWidth + 1) found.push("the messages scroll sideways");
    for (const control of document.querySelectorAll("button, textarea, input, a, h1, h2, h3")) {
      const box = control.getBoundingClientRect();
      if (box.width === 0 || box.height === 0 || scrolls(control) && control.closest("pre, table, [class*=table], [class*=code]")) continue;
      const style = getComputedStyle(control);
      if (style.visibility === "hidden" || control.closest("[inert], [aria-hidden=true]")) continue;
      if (box.right > width + 1 || box.left < -1) found.push(control.tagName + " " + (control.getAttribute("aria-label") ?? control.textContent ?? "").slice(0, 40) + " at " + Math.round(box.left) + ".." + Math.round(box.right));
    }
    return found;
  })()`);
}
