import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChatStage, type ChatStage } from "./chat-stage.ts";
import { launchChromium, openPage, type WatchedPage } from "./chromium.ts";

let stage: ChatStage;
let browser: Browser;

beforeAll(async () => {
  [stage, browser] = await Promise.all([startChatStage(), launchChromium()]);
});
afterAll(async () => {
  await Promise.all([browser?.close(), stage?.[Symbol.asyncDispose]()]);
});

async function openStage(query: string): Promise<WatchedPage> {
  const watched = await openPage(browser, stage.url(query));
  await watched.page.getByRole("log", { name: "Messages" }).getByRole("article").first().waitFor();
  await settled(watched.page);
  return watched;
}

/** Until two looks, some frames apart, see the same list. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(`(async () => {
    const look = () => stage.scroller().scrollHeight + "/" + stage.scroller().scrollTop;
    for (let before; before !== (before = look()); ) await new Promise((done) => setTimeout(done, 250));
  })()`);
}

const distanceToEnd = (page: Page): Promise<number> =>
  page.evaluate("stage.scroller().scrollHeight - stage.scroller().clientHeight - stage.scroller().scrollTop");

/** The reader's wheel, as it comes: what a script does to the list would not count as theirs. */
async function wheel(page: Page, deltaY: number): Promise<void> {
  await page.getByRole("log").hover();
  await page.mouse.wheel(0, deltaY);
  await settled(page);
}

interface Seen {
  readonly moves: number[];
  readonly frames: number;
  readonly shifts: number[];
}

/** What moved in view while `work` ran in the page. */
function movesWhile(page: Page, work: string): Promise<Seen> {
  return page.evaluate(`(async () => {
    stage.shifts.length = 0;
    const probe = stage.probe();
    ${work};
    await new Promise((done) => setTimeout(done, 300));
    probe.stop();
    return { moves: probe.moves, frames: probe.frames(), shifts: stage.shifts };
  })()`);
}

const answer = "await stage.server.stream({ text: stage.markdownOf(600), perSecond: 400 })";

test("keeps to the end while an answer is written", async () => {
  await using watched = await openStage("messages=40");
  const { page, complaints } = watched;
  expect(await distanceToEnd(page)).toBeLessThan(1);
  const farthest: number = await page.evaluate(`(async () => {
    const far = [];
    const look = () => { far.push(stage.scroller().scrollHeight - stage.scroller().clientHeight - stage.scroller().scrollTop); };
    const timer = setInterval(() => requestAnimationFrame(() => new ResizeObserver((_, own) => { own.disconnect(); look(); }).observe(document.body)), 50);
    ${answer};
    clearInterval(timer);
    return Math.max(...far);
  })()`);
  expect(farthest).toBeLessThan(2);
  expect(await page.getByRole("button", { name: "Jump to the latest" }).count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("stays where somebody reads while an answer is written below, and leads back with one button", async () => {
  await using watched = await openStage("messages=40");
  const { page, complaints } = watched;
  await wheel(page, -900);
  const seen = await movesWhile(page, answer);
  expect(seen.frames).toBeGreaterThan(20);
  expect(seen.moves).toEqual([]);
  // The words of the button below are all that changes its width.
  expect(seen.shifts.reduce((sum, shift) => sum + shift, 0)).toBeLessThan(0.001);
  const jump = page.getByRole("button", { name: "Jump to the latest" });
  expect(await jump.innerText()).toBe("2 new messages");
  await jump.click();
  await expect.poll(() => distanceToEnd(page)).toBeLessThan(2);
  await expect.poll(() => jump.count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("a wheel up in mid-answer is not pulled back by the next word", async () => {
  await using watched = await openStage("messages=40");
  const { page } = watched;
  await page.evaluate("void stage.server.stream({ text: stage.markdownOf(4000), perSecond: 300 })");
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await page.getByRole("log").hover();
  await page.mouse.wheel(0, -120);
  await page.getByRole("button", { name: "Jump to the latest" }).waitFor();
  // The browser animates the wheel.
  await page.waitForTimeout(300);
  const { moves, frames } = await movesWhile(page, "await new Promise((done) => setTimeout(done, 500))");
  expect(frames).toBeGreaterThan(3);
  expect(moves).toEqual([]);
});

test.for([
  ["drawn whole", "messages=400&tail=50&page=50"],
  ["drawn in part", "messages=2000&tail=300&page=100"],
] as const)("older messages arrive above a list %s without moving what is read", async ([, query]) => {
  await using watched = await openStage(query);
  const { page, complaints } = watched;
  await page.evaluate("stage.scroller().scrollTop = 1400");
  await settled(page);
  const before: number = await page.evaluate("stage.scroller().scrollHeight");
  await page.getByRole("log").hover();
  // Comes so near to the top that the page before is asked for.
  await page.mouse.wheel(0, -700);
  await page.waitForTimeout(300);
  const { moves, frames } = await movesWhile(
    page,
    `for (let tries = 0; stage.scroller().scrollHeight <= ${before + 1000} && tries < 100; tries++) {
      await new Promise((done) => setTimeout(done, 50));
    }
    await new Promise((done) => setTimeout(done, 500))`,
  );
  expect(frames).toBeGreaterThan(5);
  expect(moves).toEqual([]);
  expect(await page.evaluate("stage.scroller().scrollHeight")).toBeGreaterThan(before + 1000);
  expect(complaints).toEqual([]);
});

test("the beginning of the conversation is reached, and says so", async () => {
  await using watched = await openStage("messages=90");
  const { page } = watched;
  const beginning = page.getByText("This is the beginning of the conversation.");
  await expect
    .poll(async () => {
      await page.evaluate("stage.scroller().scrollTop = 0");
      return beginning.count();
    })
    .toBe(1);
  await page.getByText("Question 0: what of pod web-0?").waitFor();
});

test("who comes back to a conversation is where they were", async () => {
  await using watched = await openStage("messages=40");
  const { page } = watched;
  await wheel(page, -1_200);
  const place = "stage.scroller().scrollTop";
  const before: number = await page.evaluate(place);
  await page.evaluate("stage.open('c2')");
  await expect.poll(() => page.getByRole("log").count()).toBe(0);
  await page.evaluate("stage.open('c1')");
  await page.getByRole("log").waitFor();
  await settled(page);
  expect(Math.abs((await page.evaluate<number>(place)) - before)).toBeLessThan(2);
});

test("who was reading far up, in pages that were asked for, comes back to the same line", async () => {
  await using watched = await openStage("messages=400");
  const { page } = watched;
  const firstInView = (): Promise<string> =>
    page.evaluate(`(() => {
      const { top } = stage.scroller().getBoundingClientRect();
      const article = [...document.querySelectorAll("[role=log] article")].find((one) => one.getBoundingClientRect().bottom > top);
      return article.textContent.slice(0, 40) + " at " + Math.round(article.getBoundingClientRect().top - top);
    })()`);
  for (let time = 0; time < 4; time++) await wheel(page, -6_000);
  const before = await firstInView();
  // The newest page begins with 175.
  expect(Number(/\d+/.exec(before)?.[0])).toBeLessThan(170);
  await page.evaluate("stage.open('c2')");
  await expect.poll(() => page.getByRole("log").count()).toBe(0);
  await page.evaluate("stage.open('c1')");
  await page.getByRole("log").waitFor();
  await expect.poll(firstInView, { timeout: 10_000 }).toBe(before);
  await settled(page);
  expect(await firstInView()).toBe(before);
});
