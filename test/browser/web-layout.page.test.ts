import { expect, test } from "vitest";
import { chatOn, openWeb } from "./web-page.ts";
import { cut } from "./web-layout.ts";

const hard = [
  `A word without an end: ${"Donaudampfschifffahrt".repeat(30)}`,
  `\`${"inline_code_without_a_break_".repeat(20)}\``,
  `https://example.org/${"path/".repeat(80)}`,
  `| ${Array.from({ length: 14 }, (_, index) => `column ${index}`).join(" | ")} |\n|${"---|".repeat(14)}\n| ${"a cell that is long | ".repeat(14)}`,
  `\`\`\`bash\n${"echo a-line-that-is-longer-than-any-window ".repeat(12)}\n\`\`\``,
  "שלום עולם, זה טקסט מימין לשמאל (with English inside) ושוב עברית.",
  `${"> ".repeat(12)}deep quote`,
  Array.from({ length: 10 }, (_, depth) => `${"  ".repeat(depth)}- level ${depth}`).join("\n"),
].join("\n\n");

for (const [name, viewport] of [
  ["a phone of 360 px", { width: 360, height: 640 }],
  ["a window of 1280 px at 200 %", { width: 640, height: 430 }],
] as const) {
  test(`nothing is cut on ${name}, whatever an answer holds`, async () => {
    await using web = await openWeb({ viewport });
    const { page } = web;
    web.model.script("everything that is hard to lay out", { text: hard });
    const chat = chatOn(page);
    await chat.send("everything that is hard to lay out");
    const answer = await chat.answered();
    await answer.getByText("level 9").waitFor();
    expect(await cut(page)).toEqual([]);
    expect(await chat.composer.isVisible()).toBe(true);
    const box = await chat.composer.boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(viewport.height);
    // The first strong letter decides; an English paragraph beside it stays as it is.
    const directions = await page.evaluate<string[]>(`["שלום", "deep quote"].map((text) =>
      getComputedStyle([...document.querySelectorAll("[role=log] p")].find((each) => each.textContent.includes(text))).direction)`);
    expect(directions).toEqual(["rtl", "ltr"]);
    await chat.send("list all pods");
    await chat.answered(2);
    expect(await cut(page)).toEqual([]);
  });
}
