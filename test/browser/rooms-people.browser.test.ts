import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { chatOn, conversationOf, openWeb, type Web } from "./web-page.ts";

/** Two people, two browsers, one conversation. */

const people = (page: Page): Locator => page.getByRole("button", { name: /^People: / });
const panelOn = (page: Page): Locator => page.getByRole("dialog", { name: "People" });

async function begun(web: Web, message = "hello"): Promise<string> {
  await chatOn(web.page).send(message);
  await chatOn(web.page).answered();
  return conversationOf(web.page);
}

/** The address of a link that the owner makes. */
async function linkOf({ page }: Web): Promise<string> {
  await people(page).click();
  const panel = panelOn(page);
  await panel.getByRole("button", { name: "Make a link" }).click();
  const link = await panel.getByRole("textbox", { name: "Link to join" }).inputValue();
  await panel.getByRole("button", { name: "Close" }).click();
  return new URL(link).pathname;
}

async function join({ page, origin }: Web, path: string): Promise<void> {
  await page.goto(`${origin}${path}`);
  await page.getByRole("button", { name: "Join" }).click();
  await expect.poll(() => new URL(page.url()).pathname, { timeout: 15_000 }).toMatch(/^\/c\//);
}

test("who has a link joins by it, both see each other there, and who is removed is told so and sees nothing any more", async () => {
  await using owner = await openWeb({ person: "Ann Owner" });
  await using guest = await openWeb({ person: "Ben Guest" });
  guest.expect(/status of 40[34]/);
  const id = await begun(owner);
  const path = await linkOf(owner);
  await join(guest, path);
  expect(conversationOf(guest.page)).toBe(id);
  await chatOn(guest.page).log.getByText("hello", { exact: true }).waitFor();
  for (const { page } of [owner, guest]) {
    await page.getByRole("button", { name: "People: 2, 2 are here" }).waitFor({ timeout: 20_000 });
  }

  await people(owner.page).click();
  const panel = panelOn(owner.page);
  const entry = panel.getByRole("listitem").filter({ hasText: "Ben Guest" });
  expect(await entry.innerText()).toContain("Writes");
  await entry.getByRole("button", { name: "More for Ben Guest" }).click();
  await owner.page.getByRole("menuitem", { name: "Let them read only" }).click();
  await guest.page.getByText("You can read here, and not write.").waitFor();
  expect(await chatOn(guest.page).composer.count()).toBe(0);

  await entry.getByRole("button", { name: "More for Ben Guest" }).click();
  await owner.page.getByRole("menuitem", { name: "Remove" }).click();
  await owner.page.getByRole("dialog", { name: "Remove Ben Guest?" }).getByRole("button", { name: "Remove" }).click();
  await guest.page.getByRole("heading", { name: "You are no longer in this conversation" }).waitFor();
  expect(await guest.page.locator("main").innerText()).not.toContain("Hello!");
  await guest.page.getByRole("button", { name: "To my conversations" }).click();
  await expect.poll(() => new URL(guest.page.url()).pathname).toBe("/");
});

test("a link that is used up says so, and so does one that never was", async () => {
  await using owner = await openWeb();
  await using first = await openWeb();
  await using second = await openWeb();
  await begun(owner);
  const path = await linkOf(owner);
  await join(first, path);
  second.expect(/status of 4\d\d/);
  for (const where of [path, "/join/c-nowhere.nothing"]) {
    await second.page.goto(`${second.origin}${where}`);
    await second.page.getByRole("button", { name: "Join" }).click();
    await second.page.getByRole("heading", { name: "This invitation cannot be taken" }).waitFor();
  }
});

test("the owner hands the conversation over and leaves it; it is gone from their list", async () => {
  await using owner = await openWeb({ person: "Ann Leaves" });
  await using guest = await openWeb({ person: "Ben Stays" });
  const id = await begun(owner, "Plans for the summer");
  await join(guest, await linkOf(owner));
  await people(owner.page).click();
  const panel = panelOn(owner.page);
  await panel.getByRole("button", { name: "More for Ben Stays" }).click();
  await owner.page.getByRole("menuitem", { name: "Hand over ownership" }).click();
  await owner.page
    .getByRole("dialog", { name: /^Make Ben Stays/ })
    .getByRole("button", { name: "Hand over" })
    .click();
  await panel.getByRole("button", { name: "Leave the conversation" }).click();
  await owner.page
    .getByRole("dialog", { name: /^Leave/ })
    .getByRole("button", { name: "Leave" })
    .click();
  await expect.poll(() => new URL(owner.page.url()).pathname).toBe("/");
  const list = owner.page.getByRole("navigation", { name: "Conversations" });
  await list.getByRole("link", { name: "Plans for the summer" }).waitFor({ state: "detached" });
  await guest.page.getByRole("button", { name: /^People: you alone/ }).waitFor();
  expect((await guest.api(`conversations/${id}/messages`)).status).toBe(200);
});

test("the other one is seen writing, and not any more when they stop", async () => {
  await using owner = await openWeb({ person: "Ann Reads" });
  await using guest = await openWeb({ person: "Ben Writes" });
  await begun(owner);
  await join(guest, await linkOf(owner));
  await chatOn(guest.page).composer.pressSequentially("I am about to");
  await owner.page.getByText("Ben Writes is writing…").waitFor();
  await chatOn(guest.page).composer.fill("");
  await owner.page.getByText("Ben Writes is writing…").waitFor({ state: "detached" });
  expect(await guest.page.getByText("is writing…").count()).toBe(0);
});
