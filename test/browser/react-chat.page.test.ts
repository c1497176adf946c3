import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { createToken } from "../chaos/clients/token.ts";
import { openPage } from "./chromium.ts";
import { comeBack, reactSystem, servePage } from "./react-page.ts";

beforeAll(async () => void (await reactSystem()));

async function serve(file: string, person: string) {
  const { edge, browser, jwtSecret } = await reactSystem();
  const { url, [Symbol.asyncDispose]: end } = await servePage({ file, edge, token: createToken(jwtSecret, person) });
  return { url, edge, browser, [Symbol.asyncDispose]: end };
}

const numberedWords = (count: number): string => Array.from({ length: count }, (_, at) => `w${at}`).join(" ");

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message").fill(text);
  await page.getByLabel("Message").press("Enter");
}

test("the chat of docs/react.md shows a message once, and its answer whole although the edge is killed in the middle of it", async () => {
  await using served = await serve("chat.tsx", "reader");
  await using watched = await openPage(served.browser, `${served.url}#c-docs`);
  const { page } = watched;
  await page.getByText("ready").waitFor();
  await say(page, "/sim tokens=200 rate=40");
  expect(await page.getByLabel("Message").inputValue()).toBe("");
  await page.locator("li").filter({ hasText: "w9 " }).waitFor();
  await comeBack(served.edge, page);
  await page.locator("li").filter({ hasText: "w199" }).waitFor();
  expect(await page.getByRole("listitem").allInnerTexts()).toEqual(["/sim tokens=200 rate=40", numberedWords(200)]);
});

test("what is said in the chat of docs/react.md while no edge answers is shown at once, and goes out once", async () => {
  await using served = await serve("chat.tsx", "writer");
  await using watched = await openPage(served.browser, `${served.url}#c-written`);
  const { page } = watched;
  await page.getByText("ready").waitFor();
  await served.edge.kill();
  await page.getByText("waiting").or(page.getByText("connecting")).waitFor();
  await say(page, "/sim tokens=3");
  await page.getByText("/sim tokens=3 (sending)").waitFor();
  await comeBack(served.edge, page);
  await page
    .locator("li")
    .filter({ hasText: /^w0 w1 w2$/ })
    .waitFor();
  expect(await page.getByRole("listitem").count()).toBe(2);
});

test("a token renders one part of one message, and nothing is rendered more often than there are frames", async () => {
  await using served = await serve("counting.tsx", "counter");
  await using watched = await openPage(served.browser, served.url);
  const { page, complaints } = watched;
  await page.waitForFunction("typeof say === 'function'");
  await page.evaluate("say('list all pods')");
  await page.locator("li").nth(1).and(page.locator('[data-status="complete"]')).waitFor();
  await page.evaluate("say('/sim tokens=1500 rate=500')");
  await page.locator("li").nth(3).filter({ hasText: "w9 " }).waitFor();
  await page.evaluate("Object.keys(counts).forEach((name) => delete counts[name])");
  await page.locator("li").nth(3).filter({ hasText: "w999 " }).waitFor();
  const counts: Record<string, number> = await page.evaluate("({ ...counts })");
  expect(Object.keys(counts).toSorted()).toEqual(["change", "frame", "list", "message 3", "part 3.0", "running"]);
  const { change = 0, frame = 0, list = 0 } = counts;
  expect(list).toBeLessThan(change);
  expect(list).toBeLessThanOrEqual(frame + 2);
  expect([counts["message 3"], counts["part 3.0"]]).toEqual([list, list]);
  expect(complaints).toEqual([]);
});
