import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { chatOn, conversationOf, openWeb, type Web } from "./web-page.ts";

/** What becomes of messages, in two browsers at two edges' common address. */

const message = (page: Page, text: string): Locator => page.getByRole("article").filter({ hasText: text });

async function does(page: Page, text: string, button: string, item?: string): Promise<void> {
  const one = message(page, text).first();
  await one.hover();
  await one.getByRole("button", { name: button, exact: true }).click();
  if (item !== undefined) await page.getByRole("menuitem", { name: item }).click();
}

/** A conversation of both, made by the first. */
async function shared(owner: Web, guest: Web): Promise<void> {
  await chatOn(owner.page).send("hello");
  await chatOn(owner.page).answered();
  const id = conversationOf(owner.page);
  const user_id = guest.person.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const body = JSON.stringify({ user_id, name: guest.person, role: "writer" });
  const added = await owner.api(`conversations/${id}/members`, { method: "POST", body });
  expect(added.status).toBe(204);
  await guest.page.goto(`${guest.origin}/c/${id}`);
  await message(guest.page, "hello").first().waitFor();
}

test("reactions, edits and deletions are seen on both sides, and stay after a reload", async () => {
  await using owner = await openWeb();
  await using guest = await openWeb();
  await shared(owner, guest);
  await chatOn(guest.page).send("a text with a mistkae");
  await does(owner.page, "a text with a mistkae", "React");
  await owner.page.getByRole("button", { name: "React with ✅" }).click();
  await message(guest.page, "a text with a mistkae")
    .getByRole("button", { name: `✅ 1: ${owner.person}` })
    .waitFor();
  await chatOn(guest.page).composer.press("ArrowUp");
  const editor = guest.page.getByRole("textbox", { name: "Text of the message" });
  await editor.fill("a text without one");
  await editor.press("Enter");
  await message(owner.page, "a text without one").getByText("edited").waitFor();
  await does(owner.page, "a text without one", "More", "Pin");
  await guest.page.getByRole("button", { name: "1 pinned message" }).waitFor();
  await does(guest.page, "a text without one", "More", "Delete");
  await guest.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await message(owner.page, "This message was deleted.").waitFor();
  await owner.page.reload();
  await message(owner.page, "This message was deleted.").waitFor();
  expect(await message(owner.page, "a text").count()).toBe(0);
});
