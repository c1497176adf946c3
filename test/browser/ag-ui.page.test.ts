import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPages, servePage, type ServedPage } from "../conformance/page-bundle.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "../conformance/world.ts";
import { launchChromium } from "./chromium.ts";

/** What draws code and diagrams in CopilotKit's chat would take most of a minute to bundle. */
const absent = fileURLToPath(new URL("../conformance/pages/copilotkit-absent.tsx", import.meta.url));
const alias = { "shiki/engine/javascript": absent, shiki: absent, mermaid: absent };

/** Chat pages of others, in a real browser, from origins that are not Parley's. */
const entries = { copilotKit: "copilotkit.tsx", assistantUi: "assistant-ui.tsx" } as const;
type Entry = keyof typeof entries;

interface Stage {
  readonly pages: Readonly<Record<Entry, ServedPage>>;
  readonly world: ConformanceWorld;
  readonly browser: Browser;
}

let stage: Stage;
const releases: (() => Promise<void>)[] = [];

beforeAll(async () => {
  if (!hasPages) return;
  const pages = { copilotKit: await served("copilotKit"), assistantUi: await served("assistantUi") };
  const edge = {
    ALLOWED_ORIGINS: Object.values(pages)
      .map(({ url }) => new URL(url).origin)
      .join(","),
  };
  const world = await startConformanceWorld({ edge });
  releases.push(() => world[Symbol.asyncDispose]());
  const browser = await launchChromium();
  releases.push(() => browser.close());
  stage = { pages, world, browser };
}, 180_000);
afterAll(async () => {
  for (const release of releases.toReversed()) await release();
});

async function served(entry: Entry): Promise<ServedPage> {
  const page = await servePage(entries[entry], alias);
  releases.push(() => page[Symbol.asyncDispose]());
  return page;
}

interface Opened {
  readonly page: Page;
  readonly thread: string;
  /** What the page asked somebody else than Parley and its own server. */
  readonly foreign: string[];
  readonly errors: string[];
  [Symbol.asyncDispose](): Promise<void>;
}

async function open(entry: Entry, more: Record<string, string> = {}): Promise<Opened> {
  const { pages, world, browser } = stage;
  const { thread = randomUUID(), edge = world.url, ...rest } = more;
  const context = await browser.newContext();
  const page = await context.newPage();
  const foreign: string[] = [];
  page.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (hostname !== "127.0.0.1" && protocol.startsWith("http")) foreign.push(request.url());
  });
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  const query = new URLSearchParams({ edge, thread, token: await world.token(), ...rest });
  await page.goto(`${pages[entry].url}?${query.toString()}`);
  return { page, thread, foreign, errors, [Symbol.asyncDispose]: () => context.close() };
}

const shows = async (page: Page, text: string): Promise<void> => {
  await expect.poll(() => page.locator("body").innerText(), { timeout: 30_000 }).toContain(text);
};

describe.skipIf(!hasPages)("CopilotKit 1.74.0 in a browser", () => {
  const send = async (page: Page, text: string): Promise<void> => {
    await page.getByTestId("copilot-chat-textarea").fill(text);
    await page.getByTestId("copilot-send-button").click();
  };

  test("text: an answer is streamed, and is there again when the page is", async () => {
    await using opened = await open("copilotKit");
    const { page, thread, foreign, errors } = opened;
    await send(page, asks.numbered(40, 40));
    await shows(page, "w3 ");
    await shows(page, numberedWords(40));
    expect({ foreign, errors }).toEqual({ foreign: [], errors: [] });
    await using again = await open("copilotKit", { thread });
    await shows(again.page, numberedWords(40));
    await shows(again.page, "Count, please.");
  });

  test("text: over the single endpoint as well", async () => {
    await using opened = await open("copilotKit", { single: "1" });
    await send(opened.page, asks.numbered(12));
    await shows(opened.page, numberedWords(12));
  });

  test("tools: a call is shown with its result", async () => {
    await using opened = await open("copilotKit");
    await send(opened.page, asks.tool);
    await shows(opened.page, "k8s_list_pods complete");
  });

  test("stop: the stop button stops the turn, and the next message is answered", async () => {
    await using opened = await open("copilotKit");
    const { page } = opened;
    await send(page, asks.numbered(600, 40));
    await shows(page, "w9 ");
    await page.getByTestId("copilot-send-button").click();
    await expect.poll(() => page.getByTestId("state").innerText()).toBe("idle");
    expect(await page.locator("body").innerText()).not.toContain("w599");
    await send(page, asks.numbered(7));
    await shows(page, numberedWords(7));
  });

  test("approval: an interrupt is agreed to, and the call's own result is shown", async () => {
    await using opened = await open("copilotKit");
    await send(opened.page, asks.approval);
    await opened.page.getByTestId("interrupt").waitFor();
    // It is there again for who comes later.
    await using again = await open("copilotKit", { thread: opened.thread });
    const { page } = again;
    await page.getByTestId("interrupt").getByText("Agree").click();
    await expect.poll(() => page.getByTestId("call").innerText(), { timeout: 30_000 }).toMatch(/complete.*42/s);
    expect(await page.getByTestId("call").innerText()).not.toContain("approved");
  });

  test("resume: a page that is opened in mid-answer has what there is, and goes on", async () => {
    await using opened = await open("copilotKit");
    await send(opened.page, asks.numbered(200, 40));
    await shows(opened.page, "w9 ");
    await using again = await open("copilotKit", { thread: opened.thread });
    await shows(again.page, "w9 ");
    await shows(again.page, numberedWords(200));
    await shows(opened.page, numberedWords(200));
  });

  test("resume: a chat whose edge is killed comes back in mid-answer", async () => {
    await using opened = await open("copilotKit", { edge: stage.world.proxyUrl });
    const { page } = opened;
    await send(page, asks.numbered(200, 40));
    await shows(page, "w9 ");
    await Promise.all(stage.world.edges.map((edge) => edge.kill("SIGKILL")));
    await Promise.all(stage.world.edges.map((edge) => edge.restart()));
    await page.getByText("Come back").click();
    await shows(page, numberedWords(200));
  });
});

describe.skipIf(!hasPages)("assistant-ui 0.15.22 in a browser", () => {
  const send = async (page: Page, text: string): Promise<void> => {
    await page.getByTestId("input").fill(text);
    await page.getByText("Send").click();
  };
  const said = (page: Page): Promise<string[]> => page.getByTestId("message").allInnerTexts();

  test("text: an answer is streamed", async () => {
    await using opened = await open("assistantUi");
    await send(opened.page, asks.numbered(40, 40));
    await shows(opened.page, "w3 ");
    await shows(opened.page, numberedWords(40));
    expect([...opened.foreign, ...opened.errors]).toEqual([]);
  });

  test("tools: a call is shown with its result", async () => {
    await using opened = await open("assistantUi");
    await send(opened.page, asks.tool);
    await shows(opened.page, "k8s_list_pods");
    await expect.poll(() => opened.page.getByTestId("call").innerText()).not.toContain("runs");
  });

  test("stop: cancelling stops the turn, and the next message is answered", async () => {
    await using opened = await open("assistantUi");
    const { page } = opened;
    await send(page, asks.numbered(600, 40));
    await shows(page, "w9 ");
    await page.getByText("Stop").click();
    await send(page, asks.numbered(7));
    await expect.poll(async () => (await said(page)).at(-1), { timeout: 30_000 }).toBe(numberedWords(7));
  });

  test("approval: its own approval of a tool call is agreed to", async () => {
    await using opened = await open("assistantUi");
    const { page } = opened;
    await send(page, asks.approval);
    await page.getByTestId("approval").getByText("Agree").click();
    await expect.poll(() => page.getByTestId("call").first().innerText(), { timeout: 30_000 }).toContain("42");
  });

  test("resume: an answer whose edge is killed is whole once the page has come back", async () => {
    await using opened = await open("assistantUi", { edge: stage.world.proxyUrl });
    const { page } = opened;
    await send(page, asks.numbered(200, 40));
    await shows(page, "w9 ");
    await Promise.all(stage.world.edges.map((edge) => edge.kill("SIGKILL")));
    await Promise.all(stage.world.edges.map((edge) => edge.restart()));
    await page.getByText("Come back").click();
    await expect.poll(async () => (await said(page)).at(-1), { timeout: 30_000 }).toBe(numberedWords(200));
  });

  test("takeover: nothing of the attempt of a killed worker is left", async () => {
    await using opened = await open("assistantUi");
    const { page } = opened;
    await send(page, asks.numbered(120, 40));
    await shows(page, "w9 ");
    for (const worker of stage.world.system.agentWorkers) {
      await worker.kill("SIGKILL");
      await worker.restart();
    }
    await expect.poll(async () => (await said(page)).slice(1), { timeout: 30_000 }).toEqual([numberedWords(120)]);
  });
});
