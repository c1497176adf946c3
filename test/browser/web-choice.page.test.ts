import { expect, test } from "vitest";
import { chatOn, openWeb } from "./web-page.ts";

test("the agent that was chosen answers, and stays chosen in this conversation", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await page.getByRole("button", { name: "Agent: Automatic" }).click();
  await page.getByRole("option", { name: /^kubernetes/ }).click();
  await chat.send("hello");
  const answer = await chat.answered();
  await expect.poll(() => chat.log.getByRole("article", { name: "kubernetes" }).count()).toBe(1);
  expect(await answer.innerText()).toContain("kubernetes");
  await page.reload();
  await page.getByRole("button", { name: "Agent: kubernetes" }).waitFor();
  await page.getByRole("link", { name: "New conversation", exact: true }).click();
  await page.getByRole("button", { name: "Agent: Automatic" }).waitFor();
});
