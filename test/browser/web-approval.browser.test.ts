import { readFile } from "node:fs/promises";
import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { chatOn, conversationOf, openWeb, somebody } from "./web-page.ts";

const cardOn = (page: Page): Locator => page.getByRole("group", { name: "Approval: demo_change" });

async function written(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}

test("a call runs when the word is typed that it asks for, and not before", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await chat.send("please approve");
  const card = cardOn(page);
  const approve = card.getByRole("button", { name: "Approve" });
  await approve.waitFor();
  expect(await approve.isEnabled()).toBe(false);
  expect(await card.innerText()).toMatch(/1[45] min.* left/);
  const word = card.getByRole("textbox", { name: "Type approved to confirm" });
  await word.fill("approve");
  expect(await approve.isEnabled()).toBe(false);
  await word.fill("approved");
  await approve.click();
  await chat.answered();
  await chat.log.getByText(/^Approved by/).waitFor();
  expect(await written(web.counterFile)).toContain("approved");
});

test("a call that is denied does nothing", async () => {
  await using web = await openWeb();
  const chat = chatOn(web.page);
  await chat.send("change the counter to 4711");
  await cardOn(web.page).getByRole("button", { name: "Deny" }).click();
  await chat.answered();
  await chat.log.getByText(/^Denied by/).waitFor();
  expect(await written(web.counterFile)).not.toContain("4711");
});

test("is decided on another device, at another edge, and told to the first", async () => {
  const person = somebody();
  const [, other] = (await openWeb({ person })).system.edges;
  await using desk = await openWeb({ person });
  await chatOn(desk.page).send("change the counter to 12");
  await cardOn(desk.page).getByRole("button", { name: "Approve" }).waitFor();
  await using phone = await openWeb({
    ...{ person, port: other?.port ?? 0, path: `/c/${conversationOf(desk.page)}` },
    viewport: { width: 360, height: 740 },
  });
  await cardOn(phone.page).getByRole("button", { name: "Approve" }).click();
  for (const { page } of [phone, desk]) {
    await page.getByText(/^Approved by/).waitFor();
    await chatOn(page).answered();
    expect(await cardOn(page).getByRole("button", { name: "Approve" }).count()).toBe(0);
  }
  expect(await written(desk.counterFile)).toContain("12");
});

test("what needs four eyes is decided by somebody else, who finds it in the list of what waits", async () => {
  await using asker = await openWeb({ person: `Ann ${somebody()}`, roles: ["junior"] });
  await using approver = await openWeb({ person: `Olga ${somebody()}`, roles: ["approver"] });
  await chatOn(asker.page).send("change the counter to 42");
  const own = cardOn(asker.page);
  await own
    .getByText(/somebody else/i)
    .first()
    .waitFor();
  expect(await own.getByRole("button", { name: "Approve" }).count()).toBe(0);
  await approver.page.getByRole("link", { name: /waiting for approval/i }).click();
  const card = cardOn(approver.page).filter({ hasText: "42" });
  await card.getByRole("button", { name: "Approve" }).click();
  await asker.page.getByText(/^Approved by Olga/).waitFor();
  await chatOn(asker.page).answered();
  expect(await written(asker.counterFile)).toContain("42");
});
