import type { Service } from "@parley/testkit";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPage, type WatchedPage } from "./chromium.ts";
import { comeBack, reactSystem, servePage, type ReactPage } from "./react-page.ts";

let edge: Service;
let browser: Browser;
let served: ReactPage;

beforeAll(async () => {
  ({ edge, browser } = await reactSystem());
  served = await servePage({ file: "seed-a.jsx", edge });
});
afterAll(() => served?.[Symbol.asyncDispose]());

async function openChat(): Promise<WatchedPage> {
  const watched = await openPage(browser, served.url);
  await isConnected(watched.page);
  return watched;
}

async function isConnected(page: Page): Promise<void> {
  await page
    .getByTestId("status")
    .filter({ hasText: /^connected$/ })
    .waitFor();
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

/** Notes what is said of calls, and whether an answer was awaited then. */
const noteChanges = `
  globalThis.seen = [];
  const note = () => {
    const tools = document.querySelector("[data-testid=tools]").innerText;
    seen.push(tools + (document.querySelector("button").disabled ? ", loading" : ""));
  };
  new MutationObserver(note).observe(document, { subtree: true, childList: true, characterData: true });
`;

const texts = (page: Page): Promise<string[]> => page.getByTestId("messages").getByRole("listitem").allInnerTexts();
const isIdle = (page: Page): Promise<void> => page.locator("button:not([disabled])").waitFor();

test("a page written from the document of seed A shows an answer as it comes, and its tool call", async () => {
  await using watched = await openChat();
  const { page, complaints } = watched;
  await page.evaluate(noteChanges);
  await say(page, "list all pods");
  await page.locator("li.assistant").filter({ hasText: /\w/ }).waitFor();
  const early = (await texts(page)).join("").length;
  await page.getByTestId("tools").getByText("k8s_list_pods: completed").waitFor();
  await isIdle(page);
  const [question, answer, ...more] = await texts(page);
  expect([question, more]).toEqual(["list all pods", []]);
  expect(answer).toMatch(/pods/);
  expect((await texts(page)).join("").length).toBeGreaterThan(early);
  expect(await page.getByTestId("tools").getByRole("listitem").count()).toBe(1);
  // The call was there before the answer was whole, and is not shown with the answer's end only.
  const seen: string[] = await page.evaluate("seen");
  expect(seen).toContain("k8s_list_pods: completed, loading");
  expect(complaints).toEqual([]);
});

test("its answer to a second question does not go on in the first", async () => {
  await using watched = await openChat();
  const { page } = watched;
  await say(page, "/sim tokens=3");
  await isIdle(page);
  await say(page, "/sim tokens=4");
  await isIdle(page);
  expect(await texts(page)).toEqual(["/sim tokens=3", "w0 w1 w2", "/sim tokens=4", "w0 w1 w2 w3"]);
});

test("an edge that is killed in mid-answer ends that answer, and the page goes on with the next", async () => {
  await using watched = await openChat();
  const { page } = watched;
  await say(page, "/sim tokens=400 rate=40");
  await page.locator("li.assistant").filter({ hasText: "w9 " }).waitFor();
  await edge.kill();
  await page.locator("li").filter({ hasText: "Error: The connection was lost." }).waitFor();
  expect(await page.getByTestId("status").innerText()).toBe("disconnected");
  const [, partial] = await texts(page);
  await comeBack(edge, page);
  await isConnected(page);
  await say(page, "/sim tokens=3");
  await isIdle(page);
  const shown = await texts(page);
  expect(shown[1]).toBe(partial);
  expect(shown.slice(3)).toEqual(["/sim tokens=3", "w0 w1 w2"]);
});
