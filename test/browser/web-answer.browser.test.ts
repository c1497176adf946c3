import { expect, test } from "vitest";
import { chatOn, conversationOf, numberedWords, openWeb, storedMessages } from "./web-page.ts";

test("streams an answer with its tool call in its place, and keeps it through a reload", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await chat.send("list all pods");
  await chat.stop.waitFor();
  await chat.answered();
  const card = chat.log.getByRole("group", { name: /^Tool \S*pods/ });
  await card.getByText("Completed").waitFor();
  const text = await chat.answers.last().innerText();
  const places = [text.indexOf("Let me look at the cluster"), text.indexOf("Completed"), text.lastIndexOf("pods")];
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(places[0]).toBeGreaterThanOrEqual(0);
  expect(await chat.questions.last().innerText()).toContain("list all pods");

  const id = conversationOf(page);
  await page.reload();
  await chat.answered();
  expect(conversationOf(page)).toBe(id);
  expect(await card.count()).toBe(1);
  expect(await chat.answers.last().innerText()).toContain("Let me look at the cluster");
});

test("shows Markdown as it is meant: headings, lists, tables, and code that can be copied", async () => {
  await using web = await openWeb();
  const { page } = web;
  await web.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const code = 'const answer = 42;\nconsole.log("<b>", answer);';
  web.model.script("show me Markdown", {
    text: `# Title\n\nSome **bold** text and a [link](https://example.org/a).\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n\`\`\`typescript\n${code}\n\`\`\`\n`,
  });
  const chat = chatOn(page);
  await chat.send("show me Markdown");
  const answer = await chat.answered();
  expect(await answer.getByRole("heading", { name: "Title" }).count()).toBe(1);
  expect(await answer.getByRole("heading", { level: 1 }).count()).toBe(0);
  expect(await answer.locator("strong").innerText()).toBe("bold");
  expect(await answer.getByRole("listitem").count()).toBeGreaterThanOrEqual(2);
  expect(await answer.getByRole("cell", { name: "2" }).count()).toBe(1);
  const link = answer.getByRole("link", { name: "link" });
  expect(await link.getAttribute("rel")).toMatch(/noopener/);
  await answer.getByRole("button", { name: "Copy code" }).click();
  expect((await page.evaluate<string>("navigator.clipboard.readText()")).trim()).toBe(code);
});

test("loses nothing of an answer when the page is loaded again in the middle of it", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await chat.send("/sim tokens=150 rate=40");
  await chat.answers.last().getByText("w9 ").waitFor();
  await page.reload();
  await chat.answers.last().getByText("w0 w1 ").waitFor();
  const answer = await chat.answered();
  await answer.getByText("w149").waitFor();
  expect(await answer.innerText()).toContain(numberedWords(150));
  expect((await storedMessages(web)).map(({ message }) => message)).toEqual([
    "/sim tokens=150 rate=40",
    numberedWords(150),
  ]);
});

test("stops an answer, and keeps what was said", async () => {
  await using web = await openWeb();
  const chat = chatOn(web.page);
  await chat.send("/sim tokens=5000 rate=50");
  await chat.answers.last().getByText("w9 ").waitFor();
  await chat.stop.click();
  const answer = await chat.answered();
  await answer.getByText(/stopped/i).waitFor();
  expect(await answer.innerText()).toContain("w9 ");
  expect(await answer.innerText()).not.toContain("w4999");
  expect((await storedMessages(web)).at(-1)?.status).toBe("cancelled");
});

test("says what failed in a sentence, and asks again when it is told to", async () => {
  await using web = await openWeb();
  const chat = chatOn(web.page);
  await chat.send("/sim status=503 times=5");
  const failed = await chat.answered();
  const words = await failed.innerText();
  expect(words).toMatch(/[A-Z][^.]+\./);
  expect(words).not.toMatch(/\bat .*:\d+:\d+|undefined|\[object/);
  await failed.getByRole("button", { name: "Try again" }).click();
  await expect.poll(() => chat.questions.count()).toBe(2);
});

test("shows the whole of a long result when it is asked for", async () => {
  await using web = await openWeb();
  const text = `the first line\n${"a line of a long result\n".repeat(2_000)}the last line`;
  const question = "Tell me a joke that is long";
  web.model.script(question, { calls: [{ name: "demo_echo", arguments: { text } }] }, { text: "Done." });
  const chat = chatOn(web.page);
  await chat.send(question);
  await chat.answered();
  const card = chat.log.getByRole("group", { name: "Tool demo_echo" });
  await card.getByText("Completed").waitFor();
  await card.getByRole("button", { expanded: false }).first().click();
  await card.getByText("the first line").first().waitFor();
  expect(await card.innerText()).not.toContain("the last line");
  await card.getByRole("button", { name: /whole result/ }).click();
  const more = card.getByRole("button", { name: /^Show \d+ more/ });
  for (let tries = 0; tries < 20 && (await more.isVisible()); tries += 1) await more.click();
  await card.getByText("the last line").waitFor();
});
