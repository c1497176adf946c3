import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { chatOn, conversationOf, openWeb, type Web } from "./web-page.ts";

/** What two people say to each other and do with it, in two browsers at two edges' common address. */

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

test("what one writes the other reads at once, in the same order, without an answer of an agent", async () => {
  await using owner = await openWeb();
  await using guest = await openWeb();
  await shared(owner, guest);
  await chatOn(guest.page).send("first of the guest");
  await message(owner.page, "first of the guest").waitFor();
  await chatOn(owner.page).send("second, of the owner");
  await message(guest.page, "second, of the owner").waitFor();
  await does(guest.page, "second, of the owner", "Reply");
  await chatOn(guest.page).send("third, a reply");
  await message(owner.page, "third, a reply").waitFor();
  expect(
    await message(owner.page, "third, a reply")
      .getByRole("button", { name: /^Reply to/ })
      .innerText(),
  ).toContain("second, of the owner");
  const texts = (page: Page) => page.locator(".message-own").allInnerTexts();
  await expect.poll(async () => await texts(owner.page)).toEqual(await texts(guest.page));
  await owner.page.reload();
  await message(owner.page, "third, a reply").waitFor();
  expect(await texts(owner.page)).toEqual(await texts(guest.page));
  expect(await chatOn(owner.page).stop.count()).toBe(0);
});

test("what was read by the other is seen, and what was not is counted in their list", async () => {
  await using owner = await openWeb();
  await using guest = await openWeb();
  await shared(owner, guest);
  await chatOn(owner.page).send("have you seen it?");
  await message(owner.page, "have you seen it?")
    .getByRole("img", { name: `Read by ${guest.person}` })
    .waitFor();
  await guest.page.getByRole("link", { name: "New conversation", exact: true }).click();
  await chatOn(owner.page).send("and this?");
  await guest.page.getByRole("img", { name: "1 unread message" }).waitFor({ timeout: 40_000 });
  await expect.poll(() => guest.page.title()).toMatch(/^\(1\) /);
  await guest.page.getByRole("link", { name: /hello/ }).click();
  await guest.page.getByText("New", { exact: true }).waitFor();
  await message(owner.page, "and this?")
    .getByRole("img", { name: `Read by ${guest.person}` })
    .waitFor();
});
