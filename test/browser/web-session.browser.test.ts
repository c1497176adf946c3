import { expect, test } from "vitest";
import { createToken } from "../chaos/clients/token.ts";
import { chatOn, openWeb, serverAway, type Web } from "./web-page.ts";

/** The server warns a minute before the end: at once. */
const SHORT_SECONDS = 6;

/** Answers for the server: the first token ends soon, which the page learns from the server's warning only. */
async function giveShortToken(web: Web, later: "token" | "refusal"): Promise<() => number> {
  let given = 0;
  await web.context.route("**/api/v1/auth/dev-token", async (route) => {
    given += 1;
    if (given > 1 && later === "refusal")
      return route.fulfill({
        status: 401,
        json: { error: "No more of these.", code: "AUTH_INVALID", retryable: false },
      });
    const lifetime = given === 1 ? SHORT_SECONDS : 3_600;
    const token = createToken(web.system.jwtSecret, "dev-short", lifetime, { name: web.person });
    await route.fulfill({ json: { token, expires_at: Date.now() + 3_600_000 } });
  });
  await web.page.reload();
  return () => given;
}

test("a token that ends is renewed while an answer streams, and nobody notices", async () => {
  await using web = await openWeb({ signIn: "development" });
  const given = await giveShortToken(web, "token");
  const chat = chatOn(web.page);
  await chat.send(`/sim tokens=${SHORT_SECONDS * 30} rate=20`);
  await chat.answers.last().getByText("w9 ").waitFor();
  const answer = await chat.answered();
  await answer.getByText(`w${SHORT_SECONDS * 30 - 1}`).waitFor();
  expect(given()).toBeGreaterThan(1);
  expect(await chat.connection.count()).toBe(0);
});

test("a sign-in that has ended is said, keeps what was typed, and can be renewed", async () => {
  await using web = await openWeb({ signIn: "development" });
  web.expect(/status of 401/);
  web.expect(serverAway);
  await giveShortToken(web, "refusal");
  const chat = chatOn(web.page);
  await chat.send("hello");
  await chat.answered();
  await chat.composer.fill("half a thought");
  await web.page.getByText(/Your sign-in has ended/).waitFor({ timeout: 30_000 });
  await web.context.unroute("**/api/v1/auth/dev-token");
  await web.page.getByRole("textbox", { name: "Your name" }).fill("Somebody");
  await web.page.getByRole("button", { name: "Continue" }).click();
  await expect.poll(() => chat.composer.inputValue()).toBe("half a thought");
});

test("whoever is not signed in gives a name, and goes on where the link led", async () => {
  await using web = await openWeb({ signIn: "none", path: "/c/c-of-the-link" });
  const { page } = web;
  await page.getByRole("textbox", { name: "Your name" }).fill(web.person);
  await page.keyboard.press("Enter");
  const chat = chatOn(page);
  await chat.composer.waitFor();
  expect(new URL(page.url()).pathname).toBe("/c/c-of-the-link");
  await page.reload();
  await chat.composer.waitFor();
  await page.getByRole("button", { name: `Account of ${web.person}` }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByText("You have signed out.").waitFor();
});
