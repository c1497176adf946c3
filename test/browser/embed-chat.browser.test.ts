import { expect, test } from "vitest";
import { embeddedOn, openHostPage } from "./embed-host.ts";

const listening = `window.told = []; addEventListener("parley-message", ({ detail }) => told.push(detail));`;

test("streams an answer with its tool call on a page of another origin, under its strict policy", async () => {
  await using host = await openHostPage({ script: listening });
  const { page } = host;
  const { opener, frame, composer, answers } = embeddedOn(page);
  await opener.click();
  await composer.fill("list all pods");
  await composer.press("Enter");
  await frame.getByRole("button", { name: "Stop", exact: true }).waitFor();
  const card = frame.getByRole("group", { name: /^Tool \S*pods/ });
  await card.getByText("Completed").waitFor();
  await frame.getByRole("button", { name: "Stop", exact: true }).waitFor({ state: "hidden" });
  expect(await answers.last().innerText()).toContain("Let me look at the cluster");
  await expect
    .poll(() => page.evaluate("told"))
    .toEqual([{ conversationId: expect.any(String), messageId: expect.any(String), status: "complete" }]);
});

test("counts the answers that come while it is closed, also on the next page of the site", async () => {
  await using host = await openHostPage();
  const { page } = host;
  const { opener, frame, closer, composer, answers } = embeddedOn(page);
  await opener.click();
  await composer.fill("/sim tokens=60 rate=30");
  await composer.press("Enter");
  await answers.last().getByText("w3 ").waitFor();
  await closer.click();
  await page.getByRole("button", { name: "Open chat, 1 new answer" }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Open chat, 1 new answer" }).click();
  await answers.last().getByText("w59").waitFor();
  await closer.click();
  await page.getByRole("button", { name: "Open chat", exact: true }).waitFor();

  await opener.click();
  await frame.getByRole("button", { name: "New conversation" }).click();
  await composer.waitFor();
  await expect.poll(() => answers.count()).toBe(0);
});

test("two tabs are in step: what one begins the other goes on with, and what is seen in one is seen in both", async () => {
  await using host = await openHostPage();
  const first = embeddedOn(host.page);
  const otherPage = await host.tab();
  const second = embeddedOn(otherPage);
  await second.opener.click();
  await second.composer.waitFor();
  await first.opener.click();
  await first.composer.fill("hello from the first tab");
  await first.composer.press("Enter");
  await second.frame.getByRole("article", { name: "You" }).waitFor();
  await second.answers.first().waitFor();
  expect(await first.answers.count()).toBe(1);
});

test("two elements of one page each have their own conversation, agent and window", async () => {
  const body = `<parley-chat token="TOKEN" label="One" conversation="c_one_MARK"></parley-chat>
    <parley-chat token="TOKEN" label="Two" conversation="c_two_MARK" open></parley-chat>`;
  const mark = String(Date.now());
  const styles = `parley-chat[label="Two"] { --parley-corner-right: 500px; }`;
  await using host = await openHostPage({ styles, body: body.replaceAll("MARK", mark) });
  const { page } = host;
  await page.evaluate(
    "customElements.whenDefined('parley-chat').then(() => document.querySelector('parley-chat').open())",
  );
  const one = embeddedOn(page, "One");
  const two = embeddedOn(page, "Two");
  await two.frame.getByText("What can I do for you?").waitFor();
  await two.composer.fill("only in two");
  await two.composer.press("Enter");
  await two.answers.first().waitFor();
  await one.composer.waitFor();
  expect(await one.frame.getByText("only in two").count()).toBe(0);
});
