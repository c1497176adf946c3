import type { Locator } from "playwright-core";
import { expect, test } from "vitest";
import { chatOn, openWeb } from "./web-page.ts";

/** Where it begins and ends, in whole pixels. */
async function sidesOf(place: Locator): Promise<[number, number]> {
  const box = await place.boundingBox();
  if (box === null) throw new Error("It is not shown.");
  return [Math.round(box.x), Math.round(box.x + box.width)];
}

test.each([
  { viewport: { width: 1280, height: 860 } },
  { viewport: { width: 1000, height: 700 } },
  { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
])("the box stands below the messages, as wide as they are: $viewport.width px", async (look) => {
  await using web = await openWeb(look);
  const chat = chatOn(web.page);
  await chat.send("hello");
  const answer = await chat.answered();
  expect(await sidesOf(web.page.locator(".chat-composer"))).toEqual(await sidesOf(answer));
  // What can be done with the last answer is there without a mouse.
  await expect
    .poll(() =>
      answer
        .getByRole("button", { name: "Good answer" })
        .evaluate(
          (node) => node.ownerDocument.defaultView?.getComputedStyle(node.closest(".chat-action") ?? node).opacity,
        ),
    )
    .toBe("1");
});

test("what can be done with an earlier answer, and its details, come and go together", async () => {
  await using web = await openWeb();
  const chat = chatOn(web.page);
  await chat.send("hello");
  await chat.answered();
  await chat.send("Tell me a joke");
  await chat.answered(2);
  await web.page.mouse.move(5, 5);
  const first = chat.answers.first();
  const opacities = () =>
    first.locator(".message-foot button").evaluateAll((nodes) => [
      ...new Set(
        nodes.map((node) => {
          const shown = node.closest(".chat-action") ?? node;
          return node.ownerDocument.defaultView?.getComputedStyle(shown).opacity;
        }),
      ),
    ]);
  await expect.poll(opacities).toEqual(["0"]);
  await first.hover();
  await expect.poll(opacities).toEqual(["1"]);
});

test("as long as a conversation has no title, header, list and window call it by its beginning", async () => {
  await using web = await openWeb();
  const chat = chatOn(web.page);
  await chat.send("please approve");
  await web.page.getByRole("group", { name: "Approval: demo_change" }).waitFor();
  await web.page.getByRole("heading", { level: 1, name: /^please approve/ }).waitFor();
  await web.page.getByRole("link", { name: /^please approve/ }).waitFor();
  await expect.poll(() => web.page.title()).toBe("please approve · Parley");
});

test("what is selected in an answer stays selected while the answer grows", async () => {
  await using web = await openWeb();
  const { page, model } = web;
  const chat = chatOn(page);
  let goOn: () => void = () => undefined;
  const selected = new Promise<void>((resolve) => (goOn = resolve));
  const later = Array.from({ length: 30 }, (_, place) => `later${place} `);
  model.script("Tell me more", { text: ["These words are selected, ", selected, ...later], pauseMs: 20 });
  await chat.send("Tell me more");
  const words = chat.answers.last().getByText("These words");
  await words.waitFor();
  const text = () => page.evaluate<string>("document.getSelection().toString()");
  await words.evaluate((node) => {
    const { firstChild, ownerDocument } = node;
    if (firstChild !== null) ownerDocument.getSelection()?.setBaseAndExtent(firstChild, 6, firstChild, 11);
  });
  goOn();
  await page.getByText("later20").waitFor();
  expect(await text()).toBe("words");
  await chat.answered();
  expect(await text()).toBe("words");
});

test("Esc stops the answer also for who has clicked on a text", async () => {
  await using web = await openWeb();
  const { page, model } = web;
  const chat = chatOn(page);
  model.script("Never end", { text: ["I begin.", new Promise(() => undefined)] });
  await chat.send("Never end");
  await chat.answers.last().getByText("I begin.").click();
  await page.keyboard.press("Escape");
  await page.getByText("You stopped this answer.").waitFor();
});

test("a mistyped address has words, and a way on", async () => {
  await using web = await openWeb();
  web.expect(/status of 404/);
  const answer = await web.page.goto(`${web.origin}/nowhere`);
  expect(answer?.status()).toBe(404);
  await web.page.getByRole("heading", { level: 1 }).waitFor();
  await web.page.locator("main").getByRole("link").click();
  await chatOn(web.page).composer.waitFor();
  expect(new URL(web.page.url()).pathname).toBe("/");
});
