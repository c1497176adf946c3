import type { Page } from "playwright-core";

/** The attacker's host: nobody answers there, and a request to it is a complaint of the page. */
export const attacker = "attacker.example";

/**
 * What has got through on this page, as sentences; empty is as it should be. It looks at the document as it is, whatever the path by which something came
 * into it: what ran, what could run, what leads elsewhere, what lies over the page's own controls.
 */
export async function harmOn(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    const found = [];
    if (window.__xss !== undefined) found.push("a script ran");
    const root = document.querySelector("#root");
    if (document.querySelectorAll("#root").length !== 1) found.push("something calls itself the page's root");
    for (const node of root.querySelectorAll("script, iframe, frame, object, embed, base, meta, link, style, portal, template, video, audio, marquee, math, form[action], svg script, svg foreignObject, svg use, svg animate"))
      found.push("an element: " + node.outerHTML.slice(0, 120));
    for (const node of root.querySelectorAll("*")) {
      for (const { name, value } of node.attributes) {
        if (/^on/i.test(name)) found.push("a handler: " + name);
        if (/^(formaction|ping|srcdoc|background|manifest|autofocus|xlink:href)$/i.test(name)) found.push("an attribute: " + name);
        if (/^(id|name)$/i.test(name) && /^(root|document|body|cookie|getElementById|__proto__|constructor)$/.test(value)) found.push("clobbers " + value);
      }
    }
    const isOurs = (address) => new URL(address, location.href).origin === location.origin;
    for (const link of root.querySelectorAll("a[href], area[href]"))
      if (!isOurs(link.href) && !/^(https?|mailto):/.test(link.href)) found.push("a link: " + link.href.slice(0, 80));
    for (const image of root.querySelectorAll("img, source, image, input[type=image]")) {
      const address = image.currentSrc || image.getAttribute("src") || image.getAttribute("href") || image.getAttribute("srcset") || "";
      if (!/^data:image\\/(png|jpeg|gif|webp)/.test(address) && !(address.startsWith("blob:" + location.origin))) found.push("an image: " + address.slice(0, 80));
    }
    const log = document.querySelector("[role=log]");
    for (const node of log?.querySelectorAll("[role=article] *, article *") ?? [])
      if (/fixed/.test(getComputedStyle(node).position) && !node.matches("dialog.ui-dialog")) found.push("lies over the page: " + node.outerHTML.slice(0, 80));
    const composer = document.querySelector("textarea[aria-label], textarea");
    const box = composer?.getBoundingClientRect();
    if (box !== undefined && document.querySelector("dialog[open]") === null) {
      const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      if (top !== composer) found.push("covers the composer: " + (top?.outerHTML.slice(0, 80) ?? "nothing"));
    }
    return [...new Set(found)];
  })()`);
}
