import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { embeddedOn, openHostPage } from "./embed-host.ts";
import { chatOn, openWeb } from "./web-page.ts";

/** As a server of another version answers: it has files of other names. */
async function loseFiles(page: Page, pattern: string): Promise<void> {
  await page.route(pattern, (route) =>
    route.fulfill({ status: 404, contentType: "application/json", body: '{"error":"There is nothing."}' }),
  );
}

const missing = /404|Failed to fetch dynamically imported module/;

test("a page that was open for a while before an upgrade has all its parts after it", { timeout: 60_000 }, async () => {
  await using web = await openWeb();
  const { page } = web;
  web.model.script("hello", { text: 'This is **bold**.\n\n```json\n{"a": 1}\n```\n' });
  await Promise.all(
    [/settings-dialog/, /german/, /highlighter/].map(async (name) => (await page.waitForResponse(name)).finished()),
  );
  await loseFiles(page, "**/assets/*");

  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("radio", { name: "Deutsch" }).check();
  await page.getByRole("radio", { name: "English" }).check();
  await page.keyboard.press("Escape");
  const chat = chatOn(page);
  await chat.send("hello");
  const answer = await chat.answered();
  await answer.locator("strong", { hasText: "bold" }).waitFor();
  await answer.locator(".text-code-body [class^=text-hl]").first().waitFor();
});

test(
  "a part that cannot be loaded says so in its place, and is there at the next try",
  { timeout: 60_000 },
  async () => {
    await using web = await openWeb({ signIn: "none" });
    web.expect(missing);
    const { page } = web;
    await loseFiles(page, "**/settings-dialog*");
    await page.reload();
    const button = page.getByRole("button", { name: "Settings" });
    await button.click();
    const told = page.getByRole("dialog", { name: "This part of the page could not be loaded" });
    await told.getByRole("button", { name: "Load again" }).waitFor();
    await told.getByRole("button", { name: "Close" }).click();
    await page.unroute("**/settings-dialog*");
    await button.click();
    await page.getByRole("dialog", { name: "Settings" }).waitFor();
  },
);

test("a page whose script the asked server does not have begins when it has it", { timeout: 60_000 }, async () => {
  await using web = await openWeb();
  web.expect(missing);
  const { page } = web;
  let asked = 0;
  await page.route("**/assets/index-*.js", (route) =>
    asked++ < 2 ? route.fulfill({ status: 404, contentType: "application/json", body: "{}" }) : route.continue(),
  );
  await page.reload();
  await chatOn(page).composer.waitFor();
  expect(asked).toBe(3);
  expect(await page.evaluate("sessionStorage.getItem('parley.again')")).toBeNull();
});

test(
  "the embedded chat whose module the asked server does not have is there when it has it",
  { timeout: 60_000 },
  async () => {
    await using host = await openHostPage();
    host.expect(/404|Failed to|CORS|ERR_FAILED/);
    const { page } = host;
    let asked = 0;
    await page.route("**/embed/assets/chat-*.js", (route) =>
      asked++ === 0 ? route.fulfill({ status: 404, contentType: "application/json", body: "{}" }) : route.continue(),
    );
    await page.reload();
    await embeddedOn(page).opener.waitFor();
    expect(asked).toBe(2);
  },
);
