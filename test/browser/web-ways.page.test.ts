import { expect, test } from "vitest";
import { chatOn, openWeb } from "./web-page.ts";

const inSearch = "document.activeElement.type === 'search'";
const search = { name: "Search conversations" } as const;

test("Ctrl+K leads to the search from wherever somebody is, also where the list is not shown", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  const field = page.getByRole("searchbox", search);
  const isFocused = (): Promise<unknown> => page.evaluate(inSearch);
  await chat.composer.focus();
  await page.keyboard.press("Control+k");
  await expect.poll(isFocused).toBe(true);
  await page.getByRole("button", { name: "Hide conversations" }).click();
  await field.waitFor({ state: "hidden" });
  await page.keyboard.press("Control+k");
  await expect.poll(isFocused).toBe(true);
  // What is in it is there to be written over.
  await page.keyboard.type("pods");
  await chat.composer.focus();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("nodes");
  expect(await field.inputValue()).toBe("nodes");
});

test("on a phone Ctrl+K opens the drawer, and a dialog that is open is answered first", async () => {
  await using web = await openWeb({ viewport: { width: 390, height: 800 } });
  const { page } = web;
  await chatOn(page).composer.waitFor();
  await page.keyboard.press("Control+k");
  const field = page.getByRole("dialog", { name: "Conversations" }).getByRole("searchbox", search);
  await field.waitFor();
  await expect.poll(() => page.evaluate(inSearch)).toBe(true);
  await page.getByRole("button", { name: "Settings" }).click();
  const settings = page.getByRole("dialog", { name: "Settings" });
  await settings.waitFor();
  await page.keyboard.press("Control+k");
  expect(await page.evaluate(inSearch)).toBe(false);
  await settings.waitFor();
});

test("a new conversation is a link: the middle button opens it in a tab of its own, and this one stays", async () => {
  await using web = await openWeb();
  const { page, context } = web;
  const chat = chatOn(page);
  await chat.send("hello");
  await chat.answered();
  const { pathname } = new URL(page.url());
  const link = page.getByRole("link", { name: "New conversation", exact: true });
  const [tab] = await Promise.all([context.waitForEvent("page"), link.click({ button: "middle" })]);
  await chatOn(tab).composer.waitFor();
  expect(new URL(tab.url()).pathname).toBe("/");
  expect(new URL(page.url()).pathname).toBe(pathname);
  await link.click();
  await page.getByText("What can I do for you?").waitFor();
  expect(new URL(page.url()).pathname).toBe("/");
});
