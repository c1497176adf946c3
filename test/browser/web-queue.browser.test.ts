import { expect, test } from "vitest";
import { chatOn, openWeb, storedMessages } from "./web-page.ts";

test("messages wait while an answer runs, and can be changed and taken back", async () => {
  await using web = await openWeb();
  const chat = chatOn(web.page);
  await chat.send("one\n/sim tokens=160 rate=30");
  await chat.answers.last().getByText("w3 ").waitFor();
  await chat.send("two");
  await chat.send("three");
  await expect.poll(() => chat.waiting.count()).toBe(2);
  await chat.waiting.filter({ hasText: "three" }).getByRole("button", { name: "Take back" }).click();
  await expect.poll(() => chat.waiting.count()).toBe(1);
  const two = chat.waiting.first();
  await two.getByRole("button", { name: "Edit" }).click();
  const box = two.getByRole("textbox");
  expect(await box.inputValue()).toBe("two");
  await box.fill("what is wanted");
  await box.press("Enter");
  await chat.waiting.filter({ hasText: "what is wanted" }).waitFor();
  await chat.stop.click();
  await chat.questions.filter({ hasText: "what is wanted" }).waitFor();
  const answers = async () => (await storedMessages(web)).filter(({ author }) => author.role === "assistant");
  await expect
    .poll(async () => (await answers()).map(({ status }) => status), { timeout: 15_000 })
    .toContain("complete");
  const said = (await storedMessages(web)).filter(({ author }) => author.role === "user");
  expect(said.map(({ message }) => message.split("\n")[0])).not.toContain("two");
  expect(await chat.waiting.count()).toBe(0);
});
