import { expect, test } from "vitest";
import { chatOn, openWeb, somebody } from "./web-page.ts";

test("whoever uses the browser next is not shown what the one before has typed", async () => {
  const [anna, bert] = [somebody(), somebody()];
  await using web = await openWeb({ signIn: "development", person: anna });
  const { page } = web;
  const chat = chatOn(page);
  await chat.composer.fill("only for my eyes");
  const kept = (): Promise<string> => page.evaluate<string>("JSON.stringify(localStorage)");
  await expect.poll(kept).toContain("only for my eyes");
  await page.reload();
  await expect.poll(() => chat.composer.inputValue()).toBe("only for my eyes");
  await page.getByRole("button", { name: new RegExp(anna) }).click();
  await page.getByRole("menuitem", { name: /Sign out/ }).click();
  await page.getByRole("textbox", { name: "Your name" }).fill(bert);
  await page.getByRole("button", { name: "Continue" }).click();
  await chat.composer.waitFor();
  expect(await chat.composer.inputValue()).toBe("");
  expect(await kept()).not.toContain("only for my eyes");
});
