import { expect, test } from "vitest";
import { chatOn, openWeb } from "./web-page.ts";

test("Esc closes what is open before it stops the answer", { timeout: 60_000 }, async () => {
  await using web = await openWeb();
  const { page } = web;
  const words = Array.from({ length: 400 }, (_, index) => `w${index} `);
  web.model.script("talk", { text: words, pauseMs: 50 });
  const chat = chatOn(page);
  await chat.send("talk");
  await chat.answers.getByText("w3 ").waitFor();
  await page.getByRole("button", { name: "Simulated" }).click();
  const note = page.getByRole("note");
  await note.waitFor();
  await page.keyboard.press("Escape");
  await note.waitFor({ state: "hidden" });
  expect(await chat.stop.isVisible()).toBe(true);
  await page.keyboard.press("Escape");
  await chat.stop.waitFor({ state: "hidden" });
  await chat.answers.getByText("You stopped this answer.").waitFor();
});

test("Esc closes the reader of a source, and the next answer goes on", { timeout: 60_000 }, async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await chat.send("What is the tyre pressure of the Aurora 2?");
  await chat.answered();
  web.model.script("talk", { text: Array.from({ length: 400 }, (_, index) => `w${index} `), pauseMs: 50 });
  await chat.send("talk");
  await chat.answers.last().getByText("w3 ").waitFor();
  await chat.answers.first().getByRole("list", { name: "Sources" }).getByRole("button").first().click();
  const reader = page.getByRole("dialog", { name: /^Source: / });
  await reader.waitFor();
  await page.keyboard.press("Escape");
  await reader.waitFor({ state: "hidden" });
  expect(await chat.stop.isVisible()).toBe(true);
});
