import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSystem, type System } from "@parley/testkit";
import { launchChromium, openPage, type WatchedPage } from "./chromium.ts";

const artefacts = fileURLToPath(new URL("../artefacts/", import.meta.url));

let system: System;
let browser: Browser;

beforeAll(async () => {
  await mkdir(artefacts, { recursive: true });
  const fasterModel = { "model-simulator": { SIM_TOKENS_PER_SECOND: "150" } };
  [system, browser] = await Promise.all([startSystem({ env: fasterModel }), launchChromium()]);
});
afterAll(async () => {
  await Promise.all([browser?.close(), system?.[Symbol.asyncDispose]()]);
});

async function openTestPage(hash = ""): Promise<WatchedPage> {
  const [edge] = system.edges;
  const watched = await openPage(browser, `http://127.0.0.1:${edge?.port}/ws/test${hash}`);
  await inState(watched.page, "ready");
  return watched;
}

async function inState(page: Page, state: string): Promise<void> {
  await page.locator(`[data-testid="connection"][data-state="${state}"]`).waitFor();
}

async function send(page: Page, text: string): Promise<void> {
  await page.getByTestId("message-input").fill(text);
  await page.getByTestId("message-input").press("Enter");
}

/** The newest turn, once it has this status. */
async function turnThatIs(page: Page, status: string): Promise<Locator> {
  const turn = page.locator(`[data-testid="turn"][data-status="${status}"]`).last();
  await turn.waitFor();
  return turn;
}

/** The text of an answer, which may stand in several places between its calls; an empty line apart, as it is stored. */
async function textIn(turn: Locator): Promise<string> {
  return (await turn.getByTestId("answer").allInnerTexts()).map((text) => text.trim()).join("\n\n");
}

/** What the simulated model says to `tokens=n`: a lost or repeated token shows. */
function numberedWords(count: number): string {
  return Array.from({ length: count }, (_, index) => `w${index}`).join(" ");
}

test("streams an answer with its tool call, and says what is simulated", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  await send(page, "list all pods");
  const running = await turnThatIs(page, "running");
  await running.getByTestId("answer").filter({ hasText: /\w/ }).first().waitFor();
  const early = (await textIn(running)).length;

  const turn = await turnThatIs(page, "complete");
  const answer = await textIn(turn);
  expect(answer.length).toBeGreaterThan(early);
  expect(answer).toMatch(/pods/);

  const card = turn.getByTestId("tool-card");
  expect(await card.count()).toBe(1);
  expect(await card.getByTestId("tool-name").innerText()).toMatch(/pods/);
  expect(await card.getByTestId("tool-status").innerText()).toMatch(/^completed · \d/);
  expect(await card.getByTestId("tool-simulated").isVisible()).toBe(true);
  expect(await card.getByTestId("tool-result").isVisible()).toBe(false);
  await card.locator("summary").click();
  expect(await card.getByTestId("tool-result").innerText()).toContain("CrashLoopBackOff");

  // In the order in which they came.
  const inOrder = turn.getByTestId("parts").locator("> li");
  expect(await Promise.all((await inOrder.all()).map((part) => part.getAttribute("data-testid")))).toEqual([
    "answer",
    "tool-card",
    "answer",
  ]);

  expect((await page.getByTestId("simulated").innerText()).toLowerCase()).toContain(
    "the language model and the cluster are simulated",
  );
  expect(await turn.getByTestId("turn-meta").innerText()).toContain("simulated");
  expect(await page.getByTestId("stop").isVisible()).toBe(false);
  await card.locator("summary").click();
  await page.screenshot({ path: `${artefacts}test-page.png` });
  expect(complaints).toEqual([]);
});

test("has the conversation again after a reload", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  await send(page, "list all pods");
  const before = await textIn(await turnThatIs(page, "complete"));
  const id = await page.getByTestId("conversation-id").innerText();
  expect(new URL(page.url()).hash).toBe(`#${id}`);

  await page.reload();
  const turn = await turnThatIs(page, "complete");
  expect(await textIn(turn)).toBe(before);
  expect(await turn.getByTestId("question").innerText()).toBe("list all pods");
  expect(await turn.getByTestId("tool-card").count()).toBe(1);
  expect(await page.getByTestId("resume").innerText()).toMatch(/^resumed at seq \d+/);
  expect(await page.getByTestId("conversation-id").innerText()).toBe(id);
  expect(complaints).toEqual([]);
});

test("loses and repeats nothing when the connection drops in mid-answer", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  await send(page, "/sim tokens=150 rate=50");
  const running = await turnThatIs(page, "running");
  await running.getByTestId("answer").filter({ hasText: "w9 " }).waitFor();
  await page.getByTestId("drop-connection").click();
  await inState(page, "waiting");
  await page
    .getByTestId("resume")
    .filter({ hasText: /^resumed from seq \d+ · (replayed|one snapshot)/ })
    .waitFor();

  const turn = await turnThatIs(page, "complete");
  expect((await turn.getByTestId("answer").innerText()).trim()).toBe(numberedWords(150));
  expect(await page.getByTestId("reconnects").innerText()).toBe("1");
  expect(complaints).toEqual([]);
});

test("shows the same turn on a page that joins in mid-answer", async () => {
  await using first = await openTestPage();
  await send(first.page, "/sim tokens=120 rate=40");
  await (await turnThatIs(first.page, "running")).getByTestId("answer").filter({ hasText: "w9 " }).waitFor();
  await using second = await openTestPage(new URL(first.page.url()).hash);
  for (const { page, complaints } of [first, second]) {
    const turn = await turnThatIs(page, "complete");
    expect((await turn.getByTestId("answer").innerText()).trim()).toBe(numberedWords(120));
    expect(await turn.getByTestId("question").innerText()).toBe("/sim tokens=120 rate=40");
    expect(complaints).toEqual([]);
  }
});

test("stops an answer", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  await send(page, "/sim tokens=5000 rate=50");
  await (await turnThatIs(page, "running")).getByTestId("answer").filter({ hasText: "w3 " }).waitFor();
  await page.getByTestId("stop").click();
  const turn = await turnThatIs(page, "cancelled");
  expect(await turn.getByTestId("turn-status").innerText()).toBe("stopped");
  expect(await turn.getByTestId("answer").innerText()).not.toContain("w4999");
  expect(await page.getByTestId("stop").isVisible()).toBe(false);
  expect(complaints).toEqual([]);
});

test("shows what failed", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  await send(page, "/sim status=400");
  const turn = await turnThatIs(page, "error");
  expect(await turn.getByTestId("error").innerText()).toMatch(/^[A-Z].*\. \[[A-Z_]+\]/);
  expect(complaints).toEqual([]);
});

test("takes text for text, whatever it looks like", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  const text = '<img src="x" onerror="document.title = \'owned\'"><script>document.title = "owned"</script>';
  await send(page, text);
  const turn = await turnThatIs(page, "complete");
  expect(await turn.getByTestId("question").innerText()).toBe(text);
  expect(await turn.locator("img, script").count()).toBe(0);
  expect(await page.title()).toBe("Parley test page");
  expect(complaints).toEqual([]);
});

test("keeps two lines together with Shift and Enter, and sends them with Enter", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  const input = page.getByTestId("message-input");
  await input.pressSequentially("one");
  await input.press("Shift+Enter");
  await input.pressSequentially("two");
  expect(await page.getByTestId("turn").count()).toBe(0);
  await input.press("Enter");
  await page.getByTestId("turn").waitFor();
  expect(await page.getByTestId("question").innerText()).toBe("one\ntwo");
  expect(await input.inputValue()).toBe("");
  expect(complaints).toEqual([]);
});

test("says why a token is refused, and goes on with another", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  await page.getByTestId("auth-panel").locator("summary").click();
  await page.getByTestId("token-input").fill("not-a-token");
  await page.getByTestId("use-token").click();
  await inState(page, "closed");
  expect(await page.getByTestId("auth-message").innerText()).toBe("The token is not valid.");
  await page.getByTestId("dev-name").fill("Mira");
  await page.getByTestId("dev-token").click();
  await inState(page, "ready");
  expect(await page.getByTestId("user").innerText()).toBe("Mira");
  expect(complaints).toEqual([]);
});

test("shows the frames as they went over the wire, without the token", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  await page.getByTestId("frames-panel").locator("summary").click();
  const pane = page.getByTestId("frames");
  // The pane is drawn when it opens, which the browser tells the page a moment later.
  await expect.poll(() => pane.innerText()).toContain('{"type":"auth","token":"…"}');
  const frames = await pane.innerText();
  expect(frames).toContain('"type":"auth_success"');
  expect(frames).toContain('"type":"welcome"');
  expect(complaints).toEqual([]);
});

test("shows the title and what waits, and changes both", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  await send(page, "one\n/sim tokens=120 rate=20");
  await turnThatIs(page, "running");
  await send(page, "two");
  await send(page, "three");
  const waiting = page.getByTestId("waiting");
  await expect.poll(() => waiting.count()).toBe(2);
  const [two, three] = [waiting.nth(0), waiting.nth(1)];
  expect(await two.getByTestId("waiting-text").inputValue()).toBe("two");
  await three.getByTestId("take-back").click();
  await turnThatIs(page, "cancelled");
  await expect.poll(() => waiting.count()).toBe(1);
  await two.getByTestId("waiting-text").fill("what is wanted");
  await two.getByTestId("waiting-text").press("Enter");
  await page.getByTestId("question").filter({ hasText: "what is wanted" }).waitFor();

  await page.getByTestId("title-input").fill("One, two, three");
  await page.getByTestId("title-input").press("Enter");
  await expect.poll(() => page.title()).toBe("One, two, three · Parley");
  await page.reload();
  await inState(page, "ready");
  await expect.poll(() => page.getByTestId("title-input").inputValue()).toBe("One, two, three");
  await expect.poll(() => waiting.count()).toBe(1);
  expect(complaints).toEqual([]);
});
