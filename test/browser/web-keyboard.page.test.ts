import { expect, test } from "vitest";
import { chatOn, openWeb } from "./web-page.ts";

test("Enter sends, Shift and Enter make a line, and white space alone is no message", async () => {
  await using web = await openWeb();
  const chat = chatOn(web.page);
  await chat.composer.pressSequentially("one");
  await chat.composer.press("Shift+Enter");
  await chat.composer.pressSequentially("two");
  expect(await chat.questions.count()).toBe(0);
  await chat.composer.press("Enter");
  await chat.questions.first().waitFor();
  expect(await chat.questions.first().innerText()).toContain("one\ntwo");
  expect(await chat.composer.inputValue()).toBe("");
  await chat.answered();
  await chat.composer.fill("  \n ");
  await chat.composer.press("Enter");
  await chat.composer.fill("three");
  await chat.composer.press("Enter");
  await chat.answered(2);
  expect(await chat.questions.count()).toBe(2);
});

test("an Enter that ends a composition sends nothing", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await chat.composer.focus();
  const session = await web.context.newCDPSession(page);
  await session.send("Input.imeSetComposition", { text: "にほん", selectionStart: 3, selectionEnd: 3 });
  await chat.composer.dispatchEvent("keydown", { key: "Enter", keyCode: 229, isComposing: true });
  expect(await chat.questions.count()).toBe(0);
  await session.send("Input.insertText", { text: "日本" });
  await chat.composer.press("Enter");
  await chat.questions.filter({ hasText: "日本" }).waitFor();
});

test("Esc stops the answer, and the arrow up brings the last message back", async () => {
  await using web = await openWeb();
  const chat = chatOn(web.page);
  await chat.send("/sim tokens=5000 rate=50");
  await chat.answers.last().getByText("w9 ").waitFor();
  await chat.composer.press("Escape");
  const answer = await chat.answered();
  await answer.getByText(/stopped/i).waitFor();
  await chat.composer.focus();
  await chat.composer.press("ArrowUp");
  expect(await chat.composer.inputValue()).toBe("/sim tokens=5000 rate=50");
});

test("a text that is too large is not sent, and not lost", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  const text = "ä".repeat(20_000);
  await chat.composer.fill(text);
  await chat.composer.press("Enter");
  await page
    .getByText(/too (large|long)/i)
    .first()
    .waitFor();
  expect(await chat.composer.inputValue()).toBe(text);
  expect(await chat.questions.count()).toBe(0);
});

test("what was typed is there again after a reload, and not after it was sent", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await chat.send("hello");
  await chat.answered();
  await chat.composer.fill("half a thought");
  await page.waitForTimeout(600);
  await page.reload();
  await expect.poll(() => chat.composer.inputValue()).toBe("half a thought");
  await chat.composer.press("Enter");
  await chat.answered(2);
  await page.reload();
  await chat.questions.first().waitFor();
  expect(await chat.composer.inputValue()).toBe("");
});

test("a whole journey is possible with the keyboard alone", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await chat.composer.waitFor();
  await expect.poll(() => chat.composer.and(page.locator(":focus")).count()).toBe(1);
  await page.keyboard.type("please approve");
  await page.keyboard.press("Enter");
  const word = page.getByRole("textbox", { name: "Type approved to confirm" });
  await word.waitFor();
  const reach = async (name: RegExp): Promise<void> => {
    for (let steps = 0; steps < 60; steps += 1) {
      const focused = await page.evaluate<string>(`(() => {
        const it = document.activeElement;
        return it?.getAttribute("aria-label") ?? it?.labels?.[0]?.textContent ?? it?.textContent ?? "";
      })()`);
      if (name.test(focused.trim())) return;
      await page.keyboard.press("Shift+Tab");
    }
    throw new Error(`the keyboard does not reach ${String(name)}`);
  };
  await reach(/^Type approved/);
  await page.keyboard.type("approved");
  await page.keyboard.press("Tab");
  await reach(/^Approve$/);
  await page.keyboard.press("Enter");
  await chat.log.getByText(/^Approved by/).waitFor();
  await chat.answered();
  await reach(/^Settings$/);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Settings" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Settings" }).waitFor({ state: "hidden" });
  expect(await page.evaluate("document.activeElement?.tagName")).not.toBe("BODY");
});
