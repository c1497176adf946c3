import { expect, test } from "vitest";
import { createToken } from "../chaos/clients/token.ts";
import { chatOn, openWeb } from "./web-page.ts";

const SHORT_SECONDS = 8;

test("a token that ends is renewed while the page is used, and nobody notices", async () => {
  await using web = await openWeb();
  let given = 0;
  await web.context.route("**/api/v1/auth/dev-token", async (route) => {
    given += 1;
    const lifetime = given === 1 ? SHORT_SECONDS : 3_600;
    const token = createToken(web.system.jwtSecret, "dev-renewed", lifetime, { name: "Renewed" });
    await route.fulfill({ json: { token, expires_at: Date.now() + lifetime * 1_000 } });
  });
  const chat = chatOn(web.page);
  await web.page.reload();
  await chat.send(`/sim tokens=${SHORT_SECONDS * 30} rate=20`);
  await chat.answers.last().getByText("w9 ").waitFor();
  const answer = await chat.answered();
  await answer.getByText(`w${SHORT_SECONDS * 30 - 1}`).waitFor();
  expect(given).toBeGreaterThan(1);
  expect(await chat.connection.count()).toBe(0);
});
