import { expect, test } from "vitest";
import { createToken } from "../chaos/clients/token.ts";
import { embeddedOn, openHostPage } from "./embed-host.ts";

const inside = "document.querySelector('parley-chat').shadowRoot";

test("what is selected in an answer stays selected while the answer grows", async () => {
  await using host = await openHostPage();
  const { page, model } = host;
  const { opener, composer, answers } = embeddedOn(page);
  let goOn: () => void = () => undefined;
  const selected = new Promise<void>((resolve) => (goOn = resolve));
  const later = Array.from({ length: 30 }, (_, place) => `later${place} `);
  model.script("Tell me of the shop", { text: ["These words are selected, ", selected, ...later], pauseMs: 20 });
  await opener.click();
  await composer.fill("Tell me of the shop");
  await composer.press("Enter");
  const words = answers.last().getByText("These words");
  await words.waitFor();
  await words.evaluate((node) => {
    const { firstChild, ownerDocument } = node;
    if (firstChild !== null) ownerDocument.getSelection()?.setBaseAndExtent(firstChild, 11, firstChild, 6);
  });
  goOn();
  await answers.last().getByText("later20").waitFor();
  const range = `getSelection().getComposedRanges({ shadowRoots: [${inside}] })[0]`;
  const text = `(({ startContainer, startOffset, endOffset }) => startContainer.data?.slice(startOffset, endOffset))(${range})`;
  expect(await page.evaluate(text)).toBe("words");
  expect(await page.evaluate("getSelection().direction")).toBe("backward");
});

const stored = "JSON.stringify(localStorage)";

test("the conversation and what was typed are there again after a reload, for the same visitor and for no other", async () => {
  await using host = await openHostPage({ body: `<parley-chat token="TOKEN" open></parley-chat>` });
  const { page, system } = host;
  const { frame, composer, answers } = embeddedOn(page);
  await composer.fill("before there is anything");
  await expect.poll(() => page.evaluate(stored)).toContain("before there is anything");
  await page.reload();
  await expect.poll(() => composer.inputValue()).toBe("before there is anything");
  await composer.fill("/sim tokens=5");
  await composer.press("Enter");
  await answers.last().getByText("w4").waitFor();
  await composer.fill("half a question");
  await expect.poll(() => page.evaluate(stored)).toContain("half a question");
  await page.reload();
  await answers.last().getByText("w4").waitFor();
  await expect.poll(() => composer.inputValue()).toBe("half a question");

  const other = createToken(system.jwtSecret, `other-${Date.now()}`, undefined, { name: "Other" });
  const chat = "document.querySelector('parley-chat')";
  await page.evaluate(`${chat}.token = ${JSON.stringify(other)}`);
  await frame.getByText("What can I do for you?").waitFor();
  expect(await composer.inputValue()).toBe("");
  expect(await answers.count()).toBe(0);
  await composer.fill("/sim tokens=3");
  await composer.press("Enter");
  await answers.last().getByText("w2").waitFor();

  await page.evaluate(`${chat}.token = ${JSON.stringify(host.token)}`);
  await answers.last().getByText("w4").waitFor();
  await expect.poll(() => composer.inputValue()).toBe("half a question");
});

test("with keep=off nothing is left in the browser, also of what was there before", async () => {
  await using host = await openHostPage({ body: `<parley-chat token="TOKEN" open></parley-chat>` });
  const { page } = host;
  const { frame, composer, answers } = embeddedOn(page);
  await composer.fill("/sim tokens=5");
  await composer.press("Enter");
  await answers.last().getByText("w4").waitFor();
  await composer.fill("half a question");
  await expect.poll(() => page.evaluate(stored)).toContain("half a question");
  await page.evaluate("document.querySelector('parley-chat').setAttribute('keep', 'off')");
  await frame.getByText("What can I do for you?").waitFor();
  await composer.fill("/sim tokens=2");
  await composer.press("Enter");
  await answers.last().getByText("w1").waitFor();
  await composer.fill("another half");
  expect(await page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('parley.embed'))")).toEqual([]);
});

test("where the server accepts no pages of this origin its maker reads which and why, and the visitor a sentence without it", async () => {
  await using host = await openHostPage({
    hostname: "shop.localhost",
    body: `<parley-chat token="TOKEN" open></parley-chat>`,
  });
  const { page, chatOrigin, pageOrigin, complaints } = host;
  host.expect(/WebSocket connection|blocked by CORS policy|net::ERR_FAILED|status of 403/);
  host.expect(/<parley-chat>: .* accepts no pages of/);
  const { frame } = embeddedOn(page);
  await frame.getByText("The chat is not available on this page.").waitFor();
  expect(await frame.innerText()).not.toContain("localhost");
  const advice = complaints.filter((text) => text.startsWith("<parley-chat>"));
  expect(advice).toHaveLength(1);
  expect(advice[0]).toContain(`${chatOrigin} accepts no pages of ${pageOrigin}. Name this origin in ALLOWED_ORIGINS`);
});
