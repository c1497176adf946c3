import { expect, test } from "vitest";
import { z } from "zod";
import { chatOn, conversationOf, openWeb, type Web } from "./web-page.ts";

const Messages = z.object({
  messages: z.array(
    z.object({ feedback: z.object({ rating: z.string(), comment: z.string().optional() }).optional() }),
  ),
});

async function stored(web: Web) {
  const response = await web.api(`conversations/${conversationOf(web.page)}/messages`);
  return Messages.parse(await response.json()).messages.at(-1)?.feedback;
}

test("what is said of an answer is stored with a comment, shown again, and can be taken back", async () => {
  await using web = await openWeb();
  const { page } = web;
  const chat = chatOn(page);
  await chat.send("hello");
  const answer = await chat.answered();
  await answer.hover();
  await answer.getByRole("button", { name: "Bad answer" }).click();
  await page.getByRole("textbox", { name: "What was good or bad?" }).fill("too friendly");
  await answer.getByRole("button", { name: "Send" }).click();
  await expect.poll(() => stored(web), { timeout: 10_000 }).toEqual({ rating: "down", comment: "too friendly" });

  await page.reload();
  const pressed = chat.answers.last().getByRole("button", { name: "Bad answer", pressed: true });
  await pressed.waitFor();
  await chat.answers.last().hover();
  await chat.answers.last().getByRole("button", { name: "Good answer" }).click();
  await expect.poll(async () => (await stored(web))?.rating, { timeout: 10_000 }).toBe("up");
  await page.keyboard.press("Escape");
  await chat.answers.last().getByRole("button", { name: "Good answer", pressed: true }).click();
  await expect.poll(() => stored(web), { timeout: 10_000 }).toBeUndefined();
});
