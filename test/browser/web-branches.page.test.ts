import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { seriousFindings } from "./web-axe.ts";
import { cut } from "./web-layout.ts";
import { chatOn, openWeb } from "./web-page.ts";

const artefacts = fileURLToPath(new URL("../artefacts/web/", import.meta.url));

test("a message is changed and sent again, and both versions can be walked by keyboard", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await chat.send("hello one");
  await chat.answered();
  await chat.send("hello two");
  await chat.answered(2);

  const second = chat.questions.nth(1);
  await second.hover();
  await second.getByRole("button", { name: "Edit and send again" }).click();
  const editor = page.getByRole("textbox", { name: "Edit and send again" });
  expect(await editor.inputValue()).toBe("hello two");
  expect(await editor.evaluate((field) => field.matches(":focus"))).toBe(true);
  await page.keyboard.press("Escape");
  await expect.poll(() => editor.count()).toBe(0);
  await second.hover();
  await second.getByRole("button", { name: "Edit and send again" }).click();
  await editor.fill("hello three");
  await editor.press("Enter");
  const asked = (...texts: string[]) =>
    expect
      .poll(() => chat.questions.allTextContents())
      .toEqual(texts.map((text) => expect.stringMatching(new RegExp(`^${text}.*[0-9]$`, "s"))));
  await asked("hello one", "hello three");
  await chat.answered(2);

  // Back to the first version, as after a reload too.
  await page.reload();
  const versions = page.getByRole("group", { name: "Versions" });
  await versions.getByText("2/2").waitFor();
  await versions.getByRole("button", { name: "Previous version" }).focus();
  await page.keyboard.press("Enter");
  await chat.questions.filter({ hasText: "hello two" }).waitFor();
  await versions.getByText("1/2").waitFor();
  // At the first version the button is of no use any more: the other one has the focus.
  const next = versions.getByRole("button", { name: "Next version" });
  await expect.poll(() => next.evaluate((button) => button.matches(":focus"))).toBe(true);

  // What is sent now goes behind what is shown, and the model has been told that alone.
  await chat.send("hello four");
  await asked("hello one", "hello two", "hello four");
  await chat.answered(3);
  await versions.getByText("1/2").waitFor();
  await next.click();
  await asked("hello one", "hello three");
});

test("a hit of a search opens its turn, on its branch and wherever it stands, as a reload does", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await chat.send("about flamingos");
  await chat.answered();
  await chat.questions.first().hover();
  await page.getByRole("button", { name: "Edit and send again" }).click();
  const editor = page.getByRole("textbox", { name: "Edit and send again" });
  await editor.fill("about herons");
  await editor.press("Enter");
  await page.getByRole("group", { name: "Versions" }).getByText("2/2").waitFor();
  for (let nth = 1; nth <= 30; nth++) {
    await chat.send(`more ${nth}`);
    await chat.answered(nth + 1);
  }
  const versions = page.getByRole("group", { name: "Versions" });
  const find = async (word: string) => {
    await page.getByRole("searchbox", { name: "Search conversations" }).fill(word);
    await page
      .locator(".list-hit", { has: page.locator("mark", { hasText: word }) })
      .first()
      .click();
  };
  // On the newest branch, above what is shown at first.
  await find("herons");
  await chat.questions.filter({ hasText: "about herons" }).waitFor();
  await expect.poll(() => versions.isVisible()).toBe(true);
  expect(await versions.textContent()).toContain("2/2");
  await find("flamingos");
  await versions.getByText("1/2").waitFor();
  expect(await chat.questions.allTextContents()).toEqual([expect.stringContaining("about flamingos")]);
  await page.reload();
  await versions.getByText("1/2").waitFor();
});

test("an answer is given once more beside the earlier one", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await chat.send("hello");
  const answer = await chat.answered();
  await answer.hover();
  await answer.getByRole("button", { name: "Answer again" }).click();
  const versions = page.getByRole("group", { name: "Versions" });
  await versions.getByText("2/2").waitFor();
  await chat.answered();
  expect(await chat.answers.count()).toBe(1);
  await versions.getByRole("button", { name: "Previous version" }).click();
  await versions.getByText("1/2").waitFor();
  await versions.getByRole("button", { name: "Next version" }).click();
  await versions.getByText("2/2").waitFor();
});

test("what was stopped in an older version is tried again behind that", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  const slow = "/sim tokens=600 rate=20";
  await chat.send(slow);
  await chat.stop.click();
  await page.getByRole("button", { name: "Try again" }).waitFor();
  await chat.questions.first().hover();
  await page.getByRole("button", { name: "Edit and send again" }).click();
  const editor = page.getByRole("textbox", { name: "Edit and send again" });
  await editor.fill("hello");
  await editor.press("Enter");
  const versions = page.getByRole("group", { name: "Versions" });
  await versions.getByText("2/2").waitFor();
  await chat.answered();
  await versions.getByRole("button", { name: "Previous version" }).click();
  await versions.getByText("1/2").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await chat.stop.click();
  const both = [expect.stringContaining(slow), expect.stringContaining(slow)];
  await expect.poll(() => chat.questions.allTextContents()).toEqual(both);
});

for (const width of [390, 1280]) {
  test(`versions and an open editor are whole at ${width} px, light and dark, and axe finds nothing serious in them`, async () => {
    await mkdir(artefacts, { recursive: true });
    const size = width < 600 ? { viewport: { width, height: 780 }, isMobile: true, hasTouch: true } : {};
    await using web = await openWeb({ colorScheme: "light", ...size });
    const { page } = web;
    const chat = chatOn(page);
    for (const text of ["Which pods run in shop?", "And in the other namespace, with all their labels and restarts?"]) {
      await chat.send(text);
      await chat.answered();
    }
    await page.getByRole("button", { name: "Answer again" }).last().click();
    await page.getByRole("group", { name: "Versions" }).getByText("2/2").waitFor();
    await chat.answered(2);
    for (const state of ["versions", "editor"]) {
      if (state === "editor") await page.getByRole("button", { name: "Edit and send again" }).last().click();
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        await page.waitForTimeout(300);
        await page.screenshot({ path: `${artefacts}branches-${state}-${width}-${colorScheme}.png` });
        expect.soft(await seriousFindings(page), colorScheme).toEqual([]);
      }
    }
    expect.soft(await cut(page)).toEqual([]);
  });
}
