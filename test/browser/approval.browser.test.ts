import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, startSystem, tempDir, type System, type TempDir } from "@parley/testkit";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium, openPage, type WatchedPage } from "./chromium.ts";

const artefacts = fileURLToPath(new URL("../artefacts/", import.meta.url));

let system: System;
let browser: Browser;
let folder: TempDir;
let counterFile: string;

beforeAll(async () => {
  await mkdir(artefacts, { recursive: true });
  folder = await tempDir();
  counterFile = path.join(folder.path, "counter");
  const env = {
    "model-simulator": { SIM_TOKENS_PER_SECOND: "150" },
    "tool-worker": { DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counterFile },
  };
  [system, browser] = await Promise.all([startSystem({ env, edges: 2 }), launchChromium()]);
});
afterAll(async () => {
  await Promise.all([browser?.close(), system?.[Symbol.asyncDispose]()]);
  await folder?.[Symbol.asyncDispose]();
});

async function openTestPage(edge = 0, hash = ""): Promise<WatchedPage> {
  const watched = await openPage(browser, `http://127.0.0.1:${system.edges[edge]?.port}/ws/test${hash}`);
  await watched.page.locator(`[data-testid="connection"][data-state="ready"]`).waitFor();
  return watched;
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

/** The box of a call that is in this state. */
function boxThatIs(page: Page, state: string): Locator {
  return page.locator(`[data-testid="approval"][data-state="${state}"]`).last();
}

async function changes(): Promise<string> {
  return readFile(counterFile, "utf8").catch(() => "");
}

test("shows what a call would do, and runs it when what has to be typed is typed", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  await send(page, "please approve");
  const turn = await turnThatIs(page, "waiting");
  expect(await turn.getByTestId("turn-status").innerText()).toBe("waits for a person");
  const box = boxThatIs(page, "pending");
  expect(await box.getByTestId("approval-summary").innerText()).toContain("Adds the line");
  expect(await box.getByTestId("approval-preview").innerText()).toMatch(/^\+/m);
  expect(await box.getByTestId("approval-until").innerText()).toMatch(
    /^1[45]:\d\d left: undecided by .+ it counts as denied\.$/,
  );
  expect(await box.locator("ins.added").count()).toBeGreaterThan(0);
  expect(await box.getByTestId("approve").isDisabled()).toBe(true);
  expect(await box.getByTestId("deny").isDisabled()).toBe(false);
  await page.screenshot({ path: `${artefacts}approval-pending.png` });

  await box.getByTestId("approval-confirm").fill("approve");
  expect(await box.getByTestId("approve").isDisabled()).toBe(true);
  await box.getByTestId("approval-confirm").fill("approved");
  await box.getByTestId("approval-reason").fill("looks right");
  await box.getByTestId("approve").click();
  const ended = await turnThatIs(page, "complete");
  expect(await boxThatIs(page, "approved").getByTestId("approval-decision").innerText()).toMatch(
    /^Approved by .+: looks right$/,
  );
  expect(await ended.getByTestId("tool-status").innerText()).toMatch(/^completed/);
  expect(await ended.getByTestId("approval-form").isVisible()).toBe(false);
  expect(await changes()).toContain("approved");
  await page.screenshot({ path: `${artefacts}approval-decided.png` });
  expect(complaints).toEqual([]);
});

test("counts down what is left, is decided with the keyboard alone, and has names for screen readers", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  await send(page, "please approve");
  await turnThatIs(page, "waiting");
  const box = boxThatIs(page, "pending");
  const before = await box.getByTestId("approval-until").innerText();
  await eventually(async () => (await box.getByTestId("approval-until").innerText()) !== before, {
    what: "a second to be counted",
  });
  await page.getByRole("group", { name: /^Adds the line/ }).waitFor();
  await page.getByRole("region", { name: "What would change" }).waitFor();
  const confirm = page.getByRole("textbox", { name: "Type approved to approve" });
  await confirm.focus();
  await page.keyboard.type("appr");
  await page.keyboard.press("Enter");
  expect(await boxThatIs(page, "pending").count()).toBe(1);
  await page.keyboard.type("oved");
  await page.keyboard.press("Tab");
  await page.keyboard.type("by hand");
  await page.keyboard.press("Enter");
  await turnThatIs(page, "complete");
  expect(await boxThatIs(page, "approved").getByTestId("approval-decision").innerText()).toMatch(/: by hand$/);
  expect(complaints).toEqual([]);
});

test("does nothing when it is denied, and says by whom", async () => {
  await using watched = await openTestPage();
  const { page, complaints } = watched;
  await send(page, "change the counter to 4711");
  await turnThatIs(page, "waiting");
  await boxThatIs(page, "pending").getByTestId("deny").click();
  const turn = await turnThatIs(page, "complete");
  expect(await boxThatIs(page, "denied").getByTestId("approval-decision").innerText()).toMatch(/^Denied by /);
  expect(await turn.getByTestId("tool-status").innerText()).toMatch(/^denied/);
  expect(await changes()).not.toContain("4711");
  expect(complaints).toEqual([]);
});

test("is decided on another page, at another edge, after a reload", async () => {
  await using first = await openTestPage();
  await send(first.page, "change the counter to 12");
  await turnThatIs(first.page, "waiting");
  await using second = await openTestPage(1, new URL(first.page.url()).hash);
  await second.page.reload();
  await turnThatIs(second.page, "waiting");
  await boxThatIs(second.page, "pending").getByTestId("approve").click();
  for (const { page, complaints } of [first, second]) {
    await turnThatIs(page, "complete");
    expect(await boxThatIs(page, "approved").getByTestId("approval-decision").innerText()).toMatch(/^Approved by /);
    expect(complaints).toEqual([]);
  }
});

test("says why a decision is refused, and lets it be made again", async () => {
  await using watched = await openTestPage();
  const { page } = watched;
  await send(page, "please approve");
  await turnThatIs(page, "waiting");
  const box = boxThatIs(page, "pending");
  // Whoever has an older page may send what is not enough.
  await box.getByTestId("approval-confirm").fill("approved");
  await page.evaluate(() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function sendOther(data) {
      send.call(this, typeof data === "string" ? data.replace('"confirm":"approved"', '"confirm":"other"') : data);
    };
  });
  await box.getByTestId("approve").click();
  await box.getByTestId("approval-problem").waitFor();
  expect(await box.getByTestId("approval-problem").innerText()).toMatch(/approved.*\[INVALID_FRAME\]$/);
  expect(await box.getByTestId("approve").isDisabled()).toBe(false);
  await page.getByTestId("stop").click();
  await turnThatIs(page, "cancelled");
});
