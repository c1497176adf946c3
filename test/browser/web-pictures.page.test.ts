import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { expect, test } from "vitest";
import { embeddedOn } from "./embed-host.ts";
import { chatOn, openWeb } from "./web-page.ts";

// With PARLEY_WRITE_DOCS=1 they become the pictures of the docs; otherwise they are only looked at.
const folder = fileURLToPath(
  new URL(process.env["PARLEY_WRITE_DOCS"] === "1" ? "../../docs/" : "../artefacts/web/", import.meta.url),
);
const MAX_BYTES = 200 * 1024;

async function keep(name: string, picture: Buffer): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}${name}`, picture);
  expect(picture.length, `bytes of ${name}`).toBeLessThanOrEqual(MAX_BYTES);
}

/** Beside each other, each with what is written below it. */
async function strip(
  browser: Browser,
  pictures: readonly { readonly label: string; readonly picture: Buffer }[],
): Promise<Buffer> {
  const page = await browser.newPage({ viewport: { width: 1_400, height: 600 } });
  const figures = pictures.map(
    ({ label, picture }) =>
      `<figure><img src="data:image/png;base64,${picture.toString("base64")}"><figcaption>${label}</figcaption></figure>`,
  );
  await page.setContent(`<style>
    body { margin: 0; display: inline-flex; gap: 12px; padding: 12px; background: #d8dbe0; font: 15px system-ui }
    figure { margin: 0 } img { width: 330px; border-radius: 8px; display: block } figcaption { text-align: center; padding-top: 8px }
  </style>${figures.join("")}`);
  const picture = await page.locator("body").screenshot();
  await page.close();
  return picture;
}

test("a film strip of an answer while it is written", async () => {
  await using web = await openWeb({ viewport: { width: 420, height: 560 }, colorScheme: "light" });
  const chat = chatOn(web.page);
  await chat.composer.waitFor();
  const begun = performance.now();
  await chat.send("Which pods crash, and why?");
  const pictures = [];
  for (const seconds of [0, 0.5, 1, 2]) {
    await sleep(Math.max(0, seconds * 1_000 - (performance.now() - begun)));
    pictures.push({ label: `${seconds} s`, picture: await web.page.screenshot() });
  }
  await keep("chat-page-streaming.png", await strip(web.browser, pictures));
  await chat.answered();
});

test("the page with a tool's result and a call that waits for a person", async () => {
  await using web = await openWeb({ viewport: { width: 1_100, height: 1_180 }, colorScheme: "light", person: "Mira" });
  const chat = chatOn(web.page);
  await chat.send("Are there pods that crash?");
  await chat.answered();
  await chat.send("change the counter to 42");
  await web.page.getByRole("group", { name: "Approval: demo_change" }).waitFor();
  await web.page.getByRole("link", { name: /^Are there pods/ }).waitFor();
  await keep("chat-page.png", await web.page.screenshot());
});

test("the page with files in a message and beside the box", async () => {
  await using web = await openWeb({ viewport: { width: 900, height: 900 }, colorScheme: "light", person: "Mira" });
  const chat = chatOn(web.page);
  const field = web.page.locator(".chat-composer input[type=file]");
  const photo = await web.page.screenshot({ clip: { x: 0, y: 0, width: 900, height: 420 } });
  const notes = {
    name: "minutes.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("The press stands still since Monday."),
  };
  await field.setInputFiles([{ name: "press-3.png", mimeType: "image/png", buffer: photo }, notes]);
  await web.page.locator(".chat-file[data-state=done]").nth(1).waitFor();
  await chat.send("What do you see, and what do the minutes say?");
  await chat.answered();
  await web.page.getByRole("figure", { name: "File press-3.png" }).getByRole("img").waitFor();
  await field.setInputFiles([
    { name: "manual.txt", mimeType: "text/plain", buffer: Buffer.alloc(20_000, "Chapter. ") },
  ]);
  await web.page.locator(".chat-file[data-state=done]").waitFor();
  await keep("chat-page-files.png", await web.page.screenshot());
});

test("the chat in a page of somebody else", async () => {
  await using web = await openWeb({
    viewport: { width: 1_280, height: 800 },
    colorScheme: "light",
    signIn: "none",
    path: "/embed/demo",
  });
  const chat = embeddedOn(web.page, "Ask Lantern");
  await chat.opener.click();
  await chat.composer.fill("list the pods in namespace monitoring");
  await chat.composer.press("Enter");
  await chat.frame.getByRole("button", { name: "Good answer" }).waitFor();
  await keep("embedding.png", await web.page.screenshot());
});
