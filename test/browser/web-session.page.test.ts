import { expect, test } from "vitest";
import { z } from "zod";
import { createToken } from "../chaos/clients/token.ts";
import { chatOn, openWeb } from "./web-page.ts";

/** The server warns a minute before the end: at once. */
const SHORT_SECONDS = 6;

test("a token that ends is renewed while an answer streams, and nobody notices", async () => {
  await using web = await openWeb({ signIn: "development" });
  let given = 0;
  await web.context.route("**/api/v1/auth/dev-token", async (route) => {
    given += 1;
    const lifetime = given === 1 ? SHORT_SECONDS : 3_600;
    const token = createToken(web.system.jwtSecret, "dev-short", lifetime, { name: web.person });
    // Only the server's warning tells the page how short it is.
    await route.fulfill({ json: { token, expires_at: Date.now() + 3_600_000 } });
  });
  await web.page.reload();
  const chat = chatOn(web.page);
  await chat.send(`/sim tokens=${SHORT_SECONDS * 30} rate=20`);
  await chat.answers.last().getByText("w9 ").waitFor();
  const answer = await chat.answered();
  await answer.getByText(`w${SHORT_SECONDS * 30 - 1}`).waitFor();
  expect(given).toBeGreaterThan(1);
  expect(await chat.connection.count()).toBe(0);
});

const Given = z.object({ token: z.string() });

test("a sign-in that was ended elsewhere is said, keeps what was typed, and can be renewed", async () => {
  await using web = await openWeb({ signIn: "development" });
  web.expect(/status of 401/);
  const { page } = web;
  const chat = chatOn(page);
  let [token, isOver] = ["", false];
  await web.context.route("**/api/v1/auth/dev-token", async (route) => {
    const refusal = { error: "No more of these.", code: "AUTH_INVALID", retryable: false };
    if (isOver) return route.fulfill({ status: 401, json: refusal });
    const response = await route.fetch();
    ({ token } = Given.parse(await response.json()));
    await route.fulfill({ response });
  });
  await page.reload();
  await chat.send("hello");
  await chat.answered();
  await chat.composer.fill("half a thought");
  isOver = true;
  const headers = { authorization: `Bearer ${token}` };
  const ended = await fetch(`${web.origin}/api/v1/auth/sessions`, { method: "DELETE", headers });
  expect(ended.ok).toBe(true);
  await page.getByText(/Your sign-in has ended/).waitFor();
  isOver = false;
  // Tokens count by the second in which they were made.
  await page.waitForTimeout(1_100);
  await page.getByRole("textbox", { name: "Your name" }).fill(web.person);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  expect(await chat.composer.inputValue()).toBe("half a thought");
  await chat.composer.press("Enter");
  await chat.answered(2);
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
