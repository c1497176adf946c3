import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { seriousFindings } from "./web-axe.ts";
import { cut } from "./web-layout.ts";
import { chatOn, openWeb, somebody, type WebOptions } from "./web-page.ts";

/** What the page shows of sources, of memory, of what was said, and of people who answer: whole, and with nothing serious that axe finds. */

const artefacts = fileURLToPath(new URL("../artefacts/web/", import.meta.url));
const sizes = [
  { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true },
  { viewport: { width: 1280, height: 860 } },
];
const optionsOf = (size: WebOptions): WebOptions => ({ colorScheme: "light", ...size });

async function looks(page: Page, name: string): Promise<void> {
  await mkdir(artefacts, { recursive: true });
  const { width } = page.viewportSize() ?? { width: 0 };
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    // What fades has done so.
    await page.waitForTimeout(300);
    await page.screenshot({ path: `${artefacts}${name}-${width}-${colorScheme}.png` });
    expect.soft(await seriousFindings(page), `${name}, ${colorScheme}`).toEqual([]);
  }
  expect.soft(await cut(page), name).toEqual([]);
}

/** On narrow windows the list is in a drawer. */
async function openList(page: Page): Promise<void> {
  await chatOn(page).composer.waitFor();
  const button = page.getByRole("button", { name: "Show conversations" });
  if (await button.isVisible()) await button.click();
}

for (const size of sizes) {
  const { width } = size.viewport;

  test(`the numbers of sources lead to them at ${width} px`, async () => {
    await using web = await openWeb(optionsOf(size));
    const { page } = web;
    const chat = chatOn(page);
    web.model.script("How is a deployment restarted, please?", {
      text: "Run it again [1], and see `list[1]` and [99].",
    });
    await chat.send("How is a deployment restarted, please?");
    const answer = await chat.answered();
    const link = answer.getByRole("link", { name: "[1]" });
    await link.waitFor();
    expect(await answer.getByRole("link").count()).toBe(1);
    await looks(page, "citations");
    await link.focus();
    await page.keyboard.press("Enter");
    const source = answer.getByRole("list", { name: "Sources" }).getByRole("button").first();
    await expect.poll(() => source.evaluate((button) => button.matches(":focus"))).toBe(true);
  });

  test(`what is remembered can be changed at ${width} px`, async () => {
    await using web = await openWeb(optionsOf(size));
    const { page } = web;
    const facts = [
      { id: "m_1", text: "Prefers answers in tables, with namespaces first, and never more than ten rows of them." },
      {
        id: "m_2",
        text: "averylongwordthatnobodywoulddividebutthatstandsinafactallthesame".repeat(2),
        customer_id: "c-4711",
      },
    ];
    await web.context.route("**/api/v1/memory", (route) => route.fulfill({ json: { enabled: true, facts } }));
    await page.reload();
    await openList(page);
    await page.getByRole("button", { name: "Settings" }).click();
    const memory = page.getByRole("region", { name: "Memory" });
    await memory.scrollIntoViewIfNeeded();
    await looks(page, "memory");
    await memory
      .getByRole("button", { name: /^Change/ })
      .first()
      .click();
    await looks(page, "memory-form");
  });

  test(`what was said is found at ${width} px`, async () => {
    await using web = await openWeb(optionsOf(size));
    const { page } = web;
    const chat = chatOn(page);
    await chat.send("Good morning to everybody");
    await chat.answered();
    await chat.send("The flamingo in our garden stands on one leg, and nobody knows for how long it has done so");
    await chat.answered(2);
    await openList(page);
    await page.getByRole("searchbox", { name: "Search conversations" }).fill("flamingo");
    const hits = page.getByRole("region", { name: "In messages" });
    await hits.getByRole("link").first().waitFor();
    expect(await hits.locator("mark").first().textContent()).toBe("flamingo");
    await looks(page, "hits");
  });

  test(`a person who answers is seen on both sides at ${width} px`, async () => {
    const name = somebody();
    await using user = await openWeb({ ...optionsOf(size), person: name });
    await chatOn(user.page).send("hello");
    await chatOn(user.page).answered();
    await user.page.getByRole("button", { name: "Talk to a person" }).click();
    await user.page.getByText("A person was asked for. Until").waitFor();
    await looks(user.page, "handover-waiting");
    await using staff = await openWeb({
      ...optionsOf(size),
      person: "Oda Operator",
      roles: ["operator"],
      path: "/operator",
    });
    await staff.page.getByRole("article", { name }).getByRole("button", { name: "Take" }).waitFor();
    await looks(staff.page, "handover-queue");
    await staff.page.getByRole("article", { name }).getByRole("button", { name: "Take" }).click();
    await staff.page.getByText("You answer here, in place of the assistant.").waitFor();
    await chatOn(user.page).send("My bill is wrong");
    await staff.page.getByText("My bill is wrong").last().waitFor();
    await chatOn(staff.page).send("Let me look at it.");
    await user.page.getByText("Oda Operator · Staff").waitFor();
    await looks(user.page, "handover-user");
    await looks(staff.page, "handover-staff");
    // Everybody is let go.
    await staff.page.getByRole("button", { name: "Give back to the assistant" }).click();
    staff.expect(/status of 403/);
    await user.page.getByText("The assistant answers again.").waitFor();
  });
}
