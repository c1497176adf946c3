import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { startSystem, startTcpProxy, tempDir, type System, type TcpProxy, type TempDir } from "@parley/testkit";
import { exampleOf, unpackClient } from "../packages/packed-client.ts";
import { launchChromium } from "./chromium.ts";

let system: System;
let browser: Browser;
let folder: TempDir;
let proxy: TcpProxy;
let html: string;
let dist: string;

beforeAll(async () => {
  [folder, html] = await Promise.all([tempDir(), exampleOf("html")]);
  dist = await unpackClient(folder.path);
  [system, browser] = await Promise.all([startSystem(), launchChromium()]);
  proxy = await startTcpProxy({ targets: system.edges.map(({ port }) => port) });
}, 120_000);
afterAll(async () => {
  await Promise.all([browser?.close(), proxy?.[Symbol.asyncDispose]()]);
  await Promise.all([system?.[Symbol.asyncDispose](), folder?.[Symbol.asyncDispose]()]);
});

/** Pages of the edge's origin that are the example and the files of the packed library; a context is a browser's profile. */
async function newProfile(): Promise<BrowserContext> {
  const context = await browser.newContext();
  // A page that no host has sent is of no network, and might not talk to this machine.
  await context.grantPermissions(["local-network-access"]);
  await context.route("**/example/*", async (route) => {
    const name = new URL(route.request().url()).pathname.split("/").at(-1) ?? "";
    if (name === "chat.html") return route.fulfill({ contentType: "text/html; charset=utf-8", body: html });
    const file = path.join(dist, name);
    return route.fulfill({ contentType: "text/javascript", body: await readFile(file) });
  });
  return context;
}

async function openChat(context: BrowserContext, id: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${proxy.port}/example/chat.html#${id}`);
  await expect.poll(() => page.title(), { timeout: 20_000 }).toBe("ready");
  return page;
}

async function send(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

const items = (page: Page) => page.getByRole("listitem").allTextContents();

test("the page of the client's description is a chat, without a bundler", async () => {
  await using context = await newProfile();
  const page = await openChat(context, "c-page");
  await send(page, "Guten Tag");
  await page.getByRole("listitem").filter({ hasText: 'You said: "Guten Tag"' }).waitFor();
  expect((await items(page))[0]).toBe("user: Guten Tag");
});

test("a message that is sent while the server is away outlives the page, and is one message when two tabs send it", async () => {
  await using context = await newProfile();
  const first = await openChat(context, "c-store");
  proxy.sever();
  await send(first, "kept");
  await expect.poll(() => items(first)).toEqual(["sending: kept"]);
  await first.close();
  proxy.heal();
  const [one, other] = await Promise.all([openChat(context, "c-store"), openChat(context, "c-store")]);
  for (const page of [one, other]) {
    await page.getByRole("listitem").filter({ hasText: 'You said: "kept"' }).waitFor();
    await expect.poll(async () => (await items(page)).length).toBe(2);
  }
  await Promise.all([one.close(), other.close()]);
  const next = await openChat(context, "c-store");
  await next.getByRole("listitem").filter({ hasText: 'You said: "kept"' }).waitFor();
  expect(await items(next)).toHaveLength(2);
});

test("a page without a network waits for one, and comes back at once", async () => {
  await using context = await newProfile();
  const page = await openChat(context, "c-offline");
  await context.setOffline(true);
  proxy.sever();
  await expect.poll(() => page.title(), { timeout: 20_000 }).toBe("waiting");
  const tries: string[] = [];
  page.on("websocket", (socket) => tries.push(socket.url()));
  proxy.heal();
  await send(page, "typed in a tunnel");
  // The first try would have come within a second.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(tries).toEqual([]);
  await context.setOffline(false);
  await page.getByRole("listitem").filter({ hasText: 'You said: "typed in a tunnel"' }).waitFor();
});
