import { Buffer } from "node:buffer";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { seriousFindings } from "./web-axe.ts";
import { chatOn, conversationOf, idOf, openWeb, serverAway, somebody } from "./web-page.ts";

/** One pixel. */
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const picture = { name: "press.png", mimeType: "image/png", buffer: png };
const text = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("The press stands still.") };

function filesOn(page: Page) {
  const list = page.getByRole("list", { name: "Files of this message" });
  return {
    list,
    item: (name: string) => list.getByRole("listitem").filter({ hasText: name }),
    pick: (files: Parameters<ReturnType<Page["locator"]>["setInputFiles"]>[0]) =>
      page.locator(".chat-composer input[type=file]").setInputFiles(files),
    /** All have arrived. */
    there: (count: number) =>
      expect.poll(() => list.locator("[data-state=done]").count(), { timeout: 20_000 }).toBe(count),
    shown: (name: string) => page.getByRole("log", { name: "Messages" }).getByRole("figure", { name: `File ${name}` }),
  };
}

/** Runs in the page. */
const fieldOf = (one: object, name: string): unknown => Reflect.get(one, name);

/** What the browser does when files are dropped or pasted. */
async function give(page: Page, kind: "drop" | "paste", name: string): Promise<void> {
  await page.evaluate(
    `{ const data = new DataTransfer();
      data.items.add(new File(["dropped words"], ${JSON.stringify(name)}, { type: "text/plain" }));
      const pane = document.querySelector(".chat-page"), box = document.querySelector(".chat-box");
      if (${JSON.stringify(kind)} === "drop") {
        for (const type of ["dragenter", "dragover", "drop"])
          pane.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
      } else box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    }`,
  );
}

test("picked, dropped and pasted files go with a message, and are shown to who opens it later: image, card and download", async () => {
  await using web = await openWeb();
  const { page } = web;
  const [chat, files] = [chatOn(page), filesOn(page)];
  await files.pick([picture, text]);
  await give(page, "drop", "dropped.txt");
  await give(page, "paste", "pasted.txt");
  await files.there(4);
  expect(await seriousFindings(page)).toEqual([]);
  await files.list.getByRole("button", { name: "Remove pasted.txt" }).click();
  await chat.send("What is in these?");
  expect(await (await chat.answered()).textContent()).toContain("which says: “The press stands still.”");
  await expect.poll(() => files.list.count()).toBe(0);
  await page.reload();
  await expect.poll(() => files.shown("press.png").getByRole("img").count()).toBe(1);
  const image = files.shown("press.png").getByRole("img");
  await expect.poll(() => image.evaluate(fieldOf, "naturalWidth")).toBe(1);
  await files.shown("dropped.txt").waitFor();
  expect(await files.shown("pasted.txt").count()).toBe(0);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    files.shown("notes.txt").getByRole("button", { name: "Download notes.txt" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("notes.txt");
  expect(await seriousFindings(page)).toEqual([]);
});

test("a message of files alone is sent, in a room everybody sees it, and nobody else gets its bytes", async () => {
  const bert = somebody();
  await using ann = await openWeb();
  const [chat, files] = [chatOn(ann.page), filesOn(ann.page)];
  await chat.send("/sim text=hello");
  await chat.answered();
  const id = conversationOf(ann.page);
  const invite = { method: "POST", body: JSON.stringify({ user_id: idOf(bert), role: "writer" }) };
  expect((await ann.api(`conversations/${id}/members`, invite)).status).toBeLessThan(300);
  await using other = await openWeb({ person: bert, path: `/c/${id}` });
  await filesOn(other.page).list.waitFor({ state: "detached" });
  await files.pick(picture);
  await files.there(1);
  await chat.sendButton.click();
  for (const page of [ann.page, other.page])
    await expect.poll(() => filesOn(page).shown("press.png").getByRole("img").count(), { timeout: 20_000 }).toBe(1);
  const fileId = await files.shown("press.png").getAttribute("data-file");
  await using eve = await openWeb();
  expect((await eve.api(`files/${fileId}`)).status).toBe(404);
});

test("an upload goes on when its edge is killed, can be cancelled, and what has arrived is there after a reload", async () => {
  await using web = await openWeb();
  web.expect(serverAway);
  const { page, system } = web;
  const files = filesOn(page);
  await page.route("**/api/v1/files/*", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    await route.continue().catch(() => undefined);
  });
  await files.pick([
    { name: "large.txt", mimeType: "text/plain", buffer: Buffer.alloc(6 * 1024 * 1024, "words and ") },
    { name: "other.txt", mimeType: "text/plain", buffer: Buffer.alloc(6 * 1024 * 1024, "other ones") },
  ]);
  const progress = files.item("large.txt").getByRole("progressbar");
  await expect.poll(() => progress.evaluate(fieldOf, "value"), { timeout: 20_000 }).toBeGreaterThan(0);
  await files.list.getByRole("button", { name: "Cancel other.txt" }).click();
  const [edge] = system.edges;
  await edge?.kill("SIGKILL");
  await files.there(1);
  await edge?.restart();
  expect(await files.item("other.txt").count()).toBe(0);
  await page.reload();
  await files.there(1);
  await chatOn(page).sendButton.click();
  await files.shown("large.txt").waitFor();
});

test("what cannot be taken is said before anything is sent, and too many files are counted", async () => {
  await using web = await openWeb();
  const { page } = web;
  const files = filesOn(page);
  await page.route("**/api/v1/files", (route) =>
    route.request().method() === "OPTIONS"
      ? route.fulfill({ status: 204, headers: { "tus-max-size": "1000" } })
      : route.abort(),
  );
  await files.pick([
    { name: "empty.txt", mimeType: "text/plain", buffer: Buffer.alloc(0) },
    { name: "large.txt", mimeType: "text/plain", buffer: Buffer.alloc(2_000, "a") },
  ]);
  await files.item("empty.txt").getByText("This file is empty.").waitFor();
  await files.item("large.txt").getByText("This file is too large: at most 1 KB are taken.").waitFor();
  expect(await chatOn(page).sendButton.getAttribute("aria-disabled")).toBe("true");
  await files.pick(Array.from({ length: 11 }, (_, n) => ({ ...text, name: `n${n}.txt`, buffer: Buffer.alloc(2_000) })));
  await page.getByText("A message takes 10 files: 3 were left out.").waitFor();
});

test("a voice note is recorded, heard, added and sent; who refuses the microphone is told so in words", async () => {
  await using web = await openWeb();
  const { page } = web;
  const [chat, files] = [chatOn(page), filesOn(page)];
  const note = page.getByRole("group", { name: "Voice note" });
  await page.getByRole("button", { name: "Record a voice note" }).click();
  await note.getByText("The microphone is blocked for this page.").waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await note.getByRole("button", { name: "Close" }).click();
  await web.context.grantPermissions(["microphone"], { origin: web.origin });
  await page.getByRole("button", { name: "Record a voice note" }).click();
  await note.getByText("0:01").waitFor();
  await note.getByRole("button", { name: "Stop recording" }).click();
  await note.locator("audio").waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await note.getByRole("button", { name: "Add to the message" }).click();
  await files.there(1);
  await chat.sendButton.click();
  const shown = page.getByRole("log", { name: "Messages" }).getByRole("figure", { name: /^File voice-/ });
  await shown.locator("audio").waitFor({ timeout: 20_000 });
  await expect.poll(() => shown.locator("audio").evaluate(fieldOf, "readyState")).toBeGreaterThan(0);
});

test("names and contents of files are text, whatever is in them, and a file that is gone is said so", async () => {
  await using web = await openWeb();
  const { page } = web;
  const [chat, files] = [chatOn(page), filesOn(page)];
  const names = [
    "<img src=x onerror=alert(1)>.txt",
    "\u202Egnp.exe.txt",
    '"><script>alert(1)</script>.txt',
    `${"long".repeat(60)}.txt`,
  ];
  await page.evaluate("globalThis.alert = () => { document.title = 'pwned'; }");
  await files.pick([
    ...names.map((name) => ({ ...text, name, buffer: Buffer.from(`of ${name}`) })),
    {
      name: "page.png",
      mimeType: "image/png",
      buffer: Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    },
  ]);
  await expect
    .poll(() => files.list.locator("[data-state=done]").count(), { timeout: 20_000 })
    .toBeGreaterThanOrEqual(4);
  await chat.send("look");
  await chat.answered();
  expect(await page.title()).not.toBe("pwned");
  expect(await page.locator(".message-file-name *").count()).toBe(0);
  web.expect(/404/);
  await web.context.route("**/api/v1/files/*", (route) =>
    route.fulfill({ status: 404, json: { error: "There is no such file.", code: "NOT_FOUND", retryable: false } }),
  );
  await page
    .getByRole("log", { name: "Messages" })
    .getByRole("button", { name: /^Download / })
    .first()
    .click();
  await page.getByText("This file is not there any more.").first().waitFor();
});

test("a file that a tool gives back stands behind its call, live and later, and can be saved", async () => {
  await using web = await openWeb();
  const { page, model } = web;
  const question = `make a report ${crypto.randomUUID()}`;
  model.script(question, { calls: [{ name: "demo_report", arguments: { rows: 3 } }] }, { text: "Here it is." });
  const [chat, files] = [chatOn(page), filesOn(page)];
  await chat.send(question);
  const answer = await chat.answered();
  const shown = answer.getByRole("figure", { name: /^File .*csv$/ });
  await shown.waitFor();
  await page.reload();
  await shown.waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    shown.getByRole("button", { name: /^Download / }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/csv$/);
  expect(await files.list.count()).toBe(0);
});

test("on a phone and in the dark files are within the screen, and the keyboard reaches all there is to do", async () => {
  const phone = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };
  await using web = await openWeb({ ...phone, colorScheme: "dark" });
  const { page } = web;
  const [chat, files] = [chatOn(page), filesOn(page)];
  await files.pick([picture, { ...text, name: `${"a-long-name-".repeat(12)}.txt` }]);
  await files.there(2);
  const isWide = (): Promise<boolean> =>
    page.evaluate<boolean>("document.documentElement.scrollWidth > document.documentElement.clientWidth");
  expect(await isWide()).toBe(false);
  expect(await seriousFindings(page)).toEqual([]);
  const remove = files.list.getByRole("button", { name: "Remove press.png" });
  await remove.focus();
  await page.keyboard.press("Enter");
  await files.there(1);
  await chat.send("look");
  await chat.answered();
  await page.getByRole("log", { name: "Messages" }).getByRole("figure").first().waitFor();
  expect(await isWide()).toBe(false);
  expect(await seriousFindings(page)).toEqual([]);
});
