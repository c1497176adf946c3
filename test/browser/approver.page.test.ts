import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startSystem, tempDir, type System, type TempDir } from "@parley/testkit";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createToken } from "../chaos/clients/token.ts";
import { launchChromium, openPage, type WatchedPage } from "./chromium.ts";

const artefacts = fileURLToPath(new URL("../artefacts/", import.meta.url));

const policy = `
like: { minutes: 10 }
four_eyes: [{ tool: demo_change, role: junior }]
rules: [{ tool: demo_change, verdict: approve, reason: The counter belongs to everybody. }]
`;

let system: System;
let browser: Browser;
let folder: TempDir;
let counterFile: string;

beforeAll(async () => {
  await mkdir(artefacts, { recursive: true });
  folder = await tempDir();
  const file = (name: string): string => path.join(folder.path, name);
  counterFile = file("counter");
  await writeFile(file("policy.yaml"), policy);
  await writeFile(file("issuers.yaml"), "issuers: []\nshared_secret: { roles: { claim: roles } }\n");
  const env = {
    edge: { ISSUERS_FILE: file("issuers.yaml") },
    "model-simulator": { SIM_TOKENS_PER_SECOND: "150" },
    "tool-worker": { DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counterFile, TOOL_POLICY_FILE: file("policy.yaml") },
  };
  [system, browser] = await Promise.all([startSystem({ env }), launchChromium()]);
});
afterAll(async () => {
  await Promise.all([browser?.close(), system?.[Symbol.asyncDispose]()]);
  await folder?.[Symbol.asyncDispose]();
});

/** The page, as a person with roles. */
async function openAs(name: string, ...roles: readonly string[]): Promise<WatchedPage> {
  const token = createToken(system.jwtSecret, name.toLowerCase(), undefined, { roles, name });
  const watched = await openPage(browser, `http://127.0.0.1:${system.edges[0]?.port}/ws/test`);
  const { page } = watched;
  await page.getByTestId("auth-panel").locator("summary").click();
  await page.getByTestId("token-input").fill(token);
  await page.getByTestId("use-token").click();
  await page.getByTestId("user").getByText(name).waitFor();
  return watched;
}

async function send(page: Page, text: string): Promise<void> {
  await page.getByTestId("message-input").fill(text);
  await page.getByTestId("message-input").press("Enter");
}

const boxThatIs = (page: Page, state: string): Locator =>
  page.locator(`[data-testid="approval"][data-state="${state}"]:visible`).last();

test("somebody else sees what waits, all of it, and agrees; who asked is told who it was", async () => {
  await using asker = await openAs("Ann", "junior");
  await using approver = await openAs("Olga", "approver");
  await send(asker.page, "change the counter to 42");
  const own = boxThatIs(asker.page, "pending");
  await own.waitFor();
  expect(await own.getByTestId("approval-why").innerText()).toBe("The counter belongs to everybody.");
  expect(await own.getByTestId("approval-four-eyes").innerText()).toMatch(/^Four eyes: somebody else/);
  expect([await own.getByTestId("approve").isVisible(), await own.getByTestId("deny").isVisible()]).toEqual([
    false,
    true,
  ]);
  await asker.page.screenshot({ path: `${artefacts}approval-four-eyes.png` });

  const { page } = approver;
  await page.getByTestId("approvals-panel").locator("summary").first().click();
  const card = page.getByTestId("approval-card");
  await card.getByText("for Ann").click();
  await card.getByTestId("approve").waitFor();
  expect(await card.getByTestId("approval-arguments").innerText()).toContain('"text": "42"');
  expect(await card.getByTestId("approval-preview").innerText()).toMatch(/^\+/m);
  await card.getByTestId("approval-reason").fill("as planned");
  await page.screenshot({ path: `${artefacts}approval-for-others.png` });
  await card.getByTestId("approve").click();
  await card.getByTestId("approval-decision").getByText("Approved by Olga: as planned").waitFor();
  await boxThatIs(asker.page, "approved").getByText("Approved by Olga: as planned").waitFor();
  await asker.page.locator('[data-testid="turn"][data-status="complete"]').waitFor();
  expect(await readFile(counterFile, "utf8")).toContain("42");
  expect([asker.complaints, approver.complaints]).toEqual([[], []]);
});

test("the like is agreed to for a time, and then runs without a question", async () => {
  await using watched = await openAs("Bert");
  const { page, complaints } = watched;
  await send(page, "change the counter to 51");
  const box = boxThatIs(page, "pending");
  await box.getByRole("checkbox", { name: /^Also approve the like of it here for 10 minutes$/ }).check();
  await page.screenshot({ path: `${artefacts}approval-like.png` });
  await box.getByTestId("approve").click();
  await boxThatIs(page, "approved").getByText("Approved by Bert, with the like of it for 10 min.").waitFor();
  await page.locator('[data-testid="turn"][data-status="complete"]').waitFor();
  await send(page, "change the counter to 52");
  await page.locator('[data-testid="turn"][data-status="complete"]').nth(1).waitFor();
  expect(await readFile(counterFile, "utf8")).toContain("52");
  expect(await page.getByTestId("approval").locator("visible=true").count()).toBe(1);
  expect(complaints).toEqual([]);
});

test("who approves nothing for others is told so, and only when they look", async () => {
  await using watched = await openAs("Carl");
  const { page, complaints } = watched;
  expect(complaints).toEqual([]);
  await page.getByTestId("approvals-panel").locator("summary").first().click();
  await page.getByTestId("approvals-message").getByText("approval:decide").waitFor();
});
