import { expect, test } from "vitest";
import { chatOn, conversationOf, openWeb, type Web } from "./web-page.ts";
import { attacker, harmOn } from "./web-xss.ts";
import { xssPayloadsFor } from "./xss-payloads.ts";

const payloads = xssPayloadsFor(attacker);

/** Every how many of them are in one answer: what is not closed in one swallows the ones behind it, so each is the first of some answer. */
const PER_ANSWER = 8;

async function ask(web: Web, conversation: string, message: string): Promise<void> {
  const body = JSON.stringify({ message, conversation_id: conversation });
  expect((await web.api("chat", { method: "POST", body })).status).toBe(200);
}

async function unharmed(web: Web): Promise<void> {
  expect(await harmOn(web.page)).toEqual([]);
  expect(new URL(web.page.url()).origin).toBe(web.origin);
}

test("no payload in an answer or a question runs, loads, leads away or covers anything", async () => {
  await using web = await openWeb();
  const conversation = `c-xss-${Date.now()}`;
  const groups = Array.from({ length: Math.ceil(payloads.length / PER_ANSWER) }, (_, index) =>
    payloads.slice(index * PER_ANSWER, (index + 1) * PER_ANSWER),
  );
  const questions = groups.map((group, index) => {
    const question = `xss ${index}\n${group.join("\n")}`;
    web.model.script(question, { text: group.join("\n\n---\n\n"), thoughts: group.join("\n") });
    return question;
  });
  for (const question of questions) await ask(web, conversation, question);
  await web.page.goto(`${web.origin}/c/${conversation}`);
  const chat = chatOn(web.page);
  await expect.poll(() => chat.answers.count()).toBe(groups.length);
  await unharmed(web);
});
