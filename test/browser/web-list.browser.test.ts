import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { chatOn, conversationOf, openWeb, somebody, type Web } from "./web-page.ts";

const listOn = (page: Page): Locator => page.getByRole("navigation", { name: "Conversations" });
const entry = (page: Page, title: string): Locator => listOn(page).getByRole("link", { name: title });

/** A conversation of this title, over HTTP. */
async function conversation(web: Web, id: string, title: string): Promise<string> {
  const asked = await web.api("chat", {
    method: "POST",
    body: JSON.stringify({ message: "hello", conversation_id: id }),
  });
  expect(asked.status).toBe(200);
  const named = await web.api(`conversations/${id}/title`, { method: "PUT", body: JSON.stringify({ title }) });
  expect(named.status).toBe(200);
  return id;
}

async function more(page: Page, title: string, item: string): Promise<void> {
  await entry(page, title).hover();
  await listOn(page)
    .getByRole("button", { name: `More for ${title}` })
    .click();
  await page.getByRole("menuitem", { name: item }).click();
}

test("names a new conversation in the list, finds it, renames it and deletes it", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await conversation(web, `c-${Date.now()}-a`, "Éclair recipes");
  await chat.send("Which trains leave tomorrow?");
  await chat.answered();
  await entry(page, "Which trains leave tomorrow?").waitFor();
  await entry(page, "Éclair recipes").waitFor();

  await page.getByRole("searchbox", { name: "Search conversations" }).fill("ECLAIR");
  await entry(page, "Which trains leave tomorrow?").waitFor({ state: "detached" });
  expect(await entry(page, "Éclair recipes").count()).toBe(1);
  await page.getByRole("searchbox", { name: "Search conversations" }).fill("nothing like it");
  await entry(page, "Éclair recipes").waitFor({ state: "detached" });
  await page.getByRole("searchbox", { name: "Search conversations" }).fill("");

  await more(page, "Which trains leave tomorrow?", "Rename");
  const box = listOn(page).getByRole("textbox");
  await box.fill("Trains");
  await box.press("Enter");
  await entry(page, "Trains").waitFor();
  await expect.poll(() => page.title()).toContain("Trains");

  await more(page, "Trains", "Delete");
  const dialog = page.getByRole("dialog");
  expect(await dialog.innerText()).toContain("Trains");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await entry(page, "Trains").waitFor({ state: "detached" });
  await expect.poll(() => new URL(page.url()).pathname).toBe("/");
  expect(await entry(page, "Éclair recipes").count()).toBe(1);
});

test("the back button leads back, a link leads in, and a new conversation has no address before it has a message", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  const [one, two] = [`c-${Date.now()}-1`, `c-${Date.now()}-2`];
  await conversation(web, one, "First of two");
  await conversation(web, two, "Second of two");
  await page.goto(`${web.origin}/c/${one}`);
  await chat.questions.first().waitFor();
  await entry(page, "Second of two").click();
  await expect.poll(() => conversationOf(page)).toBe(two);
  await page.goBack();
  await expect.poll(() => conversationOf(page)).toBe(one);
  await expect.poll(() => page.title()).toContain("First of two");
  await page.goForward();
  await expect.poll(() => page.title()).toContain("Second of two");
  await page.getByRole("link", { name: "New conversation", exact: true }).click();
  expect(new URL(page.url()).pathname).toBe("/");
  await chat.send("hello");
  await expect.poll(() => new URL(page.url()).pathname).toMatch(/^\/c\//);
});

test("somebody else's conversation and one that is not there are told apart from an error, and show nothing", async () => {
  await using owner = await openWeb();
  await conversation(owner, `c-${Date.now()}-own`, "Not for you");
  await owner.page.goto(`${owner.origin}/c/c-${Date.now()}`);
  await using web = await openWeb({ path: "/" });
  web.expect(/status of 40[34]/);
  const id = `c-${Date.now()}-theirs`;
  await conversation(owner, id, "Secret plans");
  await web.page.goto(`${web.origin}/c/${id}`);
  await web.page
    .getByText(/belongs to|somebody else|no access|not yours/i)
    .first()
    .waitFor();
  expect(await web.page.locator("body").innerText()).not.toContain("Secret plans");
  expect(await chatOn(web.page).questions.count()).toBe(0);
});

test("two tabs stay in step: messages, answers, titles, and what is read", async () => {
  const person = somebody();
  await using web = await openWeb({ person });
  const first = chatOn(web.page);
  await first.send("/sim tokens=60 rate=30");
  await first.answers.last().getByText("w3 ").waitFor();
  const page = await web.tab(`/c/${conversationOf(web.page)}`);
  const second = chatOn(page);
  await second.answers.last().getByText("w3 ").waitFor();
  await second.answered();
  await second.answers.last().getByText("w59").waitFor();
  await second.send("and from the other tab");
  await first.questions.filter({ hasText: "and from the other tab" }).waitFor();
  await first.answered(2);
  await page.bringToFront();
  const put = await web.api(`conversations/${conversationOf(page)}/title`, {
    method: "PUT",
    body: JSON.stringify({ title: "Told to both" }),
  });
  expect(put.status).toBe(200);
  for (const tab of [web.page, page]) await expect.poll(() => tab.title()).toContain("Told to both");
  expect(await first.log.innerText()).toBe(await second.log.innerText());
});
