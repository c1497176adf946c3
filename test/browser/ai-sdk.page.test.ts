import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPages, servePage, type ServedPage } from "../conformance/page-bundle.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "../conformance/world.ts";
import { launchChromium, openPage } from "./chromium.ts";

const read = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");

test("the page of docs/ai-sdk.md is the one that is tested here", () => {
  const page = read("../conformance/pages/ai-sdk-chat.tsx");
  expect(page.split("\n").length - 1).toBeLessThanOrEqual(25);
  expect(read("../../docs/ai-sdk.md")).toContain(page);
});

/** One for all that is here: what is killed comes again. */
let world: ConformanceWorld;
let browser: Browser;
beforeAll(async () => {
  if (hasPages) [world, browser] = await Promise.all([startConformanceWorld(), launchChromium()]);
}, 180_000);
afterAll(async () => {
  if (!hasPages) return;
  await browser.close();
  await world[Symbol.asyncDispose]();
});

describe.skipIf(!hasPages).each([
  [5, "ai-sdk-5.tsx"],
  [6, "ai-sdk.tsx"],
  [7, "ai-sdk.tsx"],
] as const)("a page with useChat of AI SDK %i", (major, entry) => {
  let served: ServedPage;
  beforeAll(async () => {
    served = await servePage(entry, { "@ai-sdk/react": `@ai-sdk/react-${major}`, ai: `ai-${major}` });
  }, 180_000);
  afterAll(() => served[Symbol.asyncDispose]());

  const open = (chat: string, edge = world.url) =>
    openPage(browser, `${served.url}?chat=${chat}-${major}&edge=${encodeURIComponent(edge)}&v=${major}`);
  const say = async (page: Page, text: string): Promise<void> => {
    await isReady(page);
    // One line is all that the page takes.
    await page.getByRole("textbox").fill(text.split("\n").at(-1) ?? "");
    await page.getByRole("textbox").press("Enter");
  };
  const isReady = (page: Page) => page.locator("i").filter({ hasText: "ready" }).waitFor();
  const answer = (page: Page) => page.locator("p").last();

  test("shows an answer as it comes, whole and once", async () => {
    await using watched = await open("whole");
    await say(watched.page, asks.numbered(60, 100));
    await answer(watched.page).filter({ hasText: "w59" }).waitFor();
    expect(await answer(watched.page).innerText()).toBe(numberedWords(60));
    await isReady(watched.page);
  });

  test("has the whole answer after the edge was killed in the middle of it", async () => {
    const [, edge] = world.edges;
    await using watched = await open("killed", `http://127.0.0.1:${edge.port}`);
    const { page } = watched;
    await say(page, asks.numbered(80, 40));
    await answer(page).filter({ hasText: "w9 " }).waitFor();
    await edge.restart();
    await page.getByRole("button", { name: /^Go on/ }).click();
    await answer(page).filter({ hasText: "w79" }).waitFor();
    await isReady(page);
    expect(await page.locator("p").allInnerTexts()).toEqual([expect.any(String), numberedWords(80)]);
  });

  test("goes on where it was after a reload", async () => {
    await using watched = await open("reload");
    const { page } = watched;
    await say(page, asks.numbered(80, 40));
    await answer(page).filter({ hasText: "w9 " }).waitFor();
    await page.reload();
    await answer(page).filter({ hasText: "w79" }).waitFor();
    // The page keeps no messages: it has what the stream brings.
    expect(await page.locator("p").allInnerTexts()).toEqual([numberedWords(80)]);
  });

  test("stops an answer", async () => {
    await using watched = await open("stop");
    const { page } = watched;
    await say(page, asks.numbered(500, 30));
    await answer(page).filter({ hasText: "w5 " }).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await isReady(page);
    expect(await answer(page).innerText()).not.toContain("w400");
  });

  test("asks a person, and goes on in the same message", async () => {
    await using watched = await open("approval");
    const { page } = watched;
    await say(page, asks.approval);
    await page.getByRole("button", { name: /^Allow / }).click();
    await isReady(page);
    await expect.poll(() => answer(page).innerText()).toMatch(/\w/);
    await expect.poll(() => page.getByRole("button", { name: /^Allow / }).count()).toBe(0);
    expect(await page.locator("p").count()).toBe(2);
  });
});
