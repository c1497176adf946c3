import { expect, test } from "vitest";
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
