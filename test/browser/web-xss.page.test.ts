import { expect, test } from "vitest";
import { chatOn, openWeb, storedMessages, type Web } from "./web-page.ts";
import { attacker, harmOn } from "./web-xss.ts";
import { xssPayloadsFor } from "./xss-payloads.ts";

const payloads = xssPayloadsFor(attacker);

/** So many of them are in one answer. What is not closed in one may swallow those behind it: each alone, as it is written, is for the long test. */
const PER_ANSWER = 8;

function inGroups<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}

/** Has it said and answered before the page is there. */
async function ask(web: Web, conversation_id: string, message: string): Promise<void> {
  const asked = await web.api("chat", { method: "POST", body: JSON.stringify({ message, conversation_id }) });
  expect(asked.status).toBe(200);
}

async function unharmed(web: Web): Promise<void> {
  expect(await harmOn(web.page)).toEqual([]);
  expect(new URL(web.page.url()).origin).toBe(web.origin);
}

test("no payload in an answer, its reasoning or a question does harm", async () => {
  await using web = await openWeb();
  const conversation = `c-xss-${Date.now()}`;
  const groups = inGroups(payloads, PER_ANSWER);
  for (const [index, group] of groups.entries()) {
    const question = `xss ${index}\n${group.join("\n")}`;
    web.model.script(question, { text: group.join("\n\n---\n\n"), thoughts: group.join("\n") });
    await ask(web, conversation, question);
  }
  await web.page.goto(`${web.origin}/c/${conversation}`);
  const chat = chatOn(web.page);
  await expect.poll(() => chat.answers.count()).toBe(groups.length);
  const reasoning = chat.log.getByRole("button", { name: /^Reasoning/, expanded: false });
  for (let left = await reasoning.count(); left > 0; left -= 1) await reasoning.first().click();
  await unharmed(web);
  expect((await storedMessages(web)).at(-1)?.message).toContain(payloads.at(-1));
});

test("no payload in what a tool is asked and answers does harm, as text, as a table or as its error", async () => {
  await using web = await openWeb();
  const rows = payloads.map((payload, index) => ({ [payload.slice(0, 60)]: payload, index }));
  const echo = (text: string) => ({ name: "demo_echo", arguments: { text } });
  const unknown = inGroups(payloads, 12).map(([first = ""]) => ({ name: first, arguments: {} }));
  web.model.script(
    "call the tools",
    { calls: [echo(payloads.join("\n")), echo(JSON.stringify(rows)), echo(JSON.stringify({ deep: payloads }))] },
    { calls: [{ name: "demo_fail", arguments: { message: payloads.slice(0, 6).join(" ") } }, ...unknown] },
    { text: "Done." },
  );
  const chat = chatOn(web.page);
  await chat.send("call the tools");
  await chat.answered();
  const cards = chat.log.getByRole("group", { name: /^Tool / });
  expect(await cards.count()).toBeGreaterThan(4);
  const closed = cards.getByRole("button", { expanded: false });
  for (let left = await closed.count(); left > 0; left -= 1) await closed.first().click();
  await unharmed(web);
});

test("no payload in a title or a name does harm", async () => {
  await using web = await openWeb({ person: "<img src=x onerror=window.__xss=1>\"'><script>window.__xss=1</script>" });
  const chat = chatOn(web.page);
  await chat.send("hello");
  await chat.answered();
  for (const title of payloads.filter((payload) => /^[^\n]{1,200}$/.test(payload)).slice(0, 12)) {
    const conversation_id = `c-title-${Math.random().toString(36).slice(2)}`;
    await ask(web, conversation_id, "hello");
    const put = await web.api(`conversations/${conversation_id}/title`, {
      method: "PUT",
      body: JSON.stringify({ title }),
    });
    expect(put.status).toBe(200);
  }
  await web.page.reload();
  const list = web.page.getByRole("navigation", { name: "Conversations" }).getByRole("link");
  await expect.poll(() => list.count()).toBeGreaterThanOrEqual(12);
  await unharmed(web);
  for (const entry of (await list.all()).slice(0, 4)) {
    await entry.click();
    await chat.answers.first().waitFor();
    await unharmed(web);
  }
});

test("no payload in the names, files and addresses of sources does harm", async () => {
  await using web = await openWeb();
  const { page } = web;
  let next = 0;
  const poison = (text: string): string =>
    text.replaceAll(/"(title|file|url|passage)":"(?:[^"\\]|\\.)*"/g, (_, key) => {
      next += 1;
      const payload = payloads[next % payloads.length] ?? "";
      return `"${String(key)}":${JSON.stringify(key === "url" ? "javascript:window.__xss=1" : payload)}`;
    });
  await page.routeWebSocket(/\/ws\/chat/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => socket.send(typeof message === "string" ? poison(message) : message));
  });
  await page.reload();
  const chat = chatOn(page);
  await chat.send("What is the tyre pressure of the Aurora 2?");
  const answer = await chat.answered();
  expect(next).toBeGreaterThan(0);
  await unharmed(web);
  await answer
    .getByRole("button")
    .filter({ hasText: /[<[!`]/ })
    .first()
    .click();
  await page.getByRole("dialog", { name: /^Source: / }).waitFor();
  await unharmed(web);
});

test("no payload in the name of a file does harm, beside the box and in the message", async () => {
  await using web = await openWeb();
  const { page } = web;
  for (const group of inGroups(
    payloads.map((payload) => payload.slice(0, 120)),
    10,
  ).slice(0, 3)) {
    await page.locator(".chat-composer input[type=file]").setInputFiles(
      group.map((payload, n) => ({
        name: `${payload}${n}.txt`,
        mimeType: "text/plain",
        buffer: Buffer.from(`file ${n}`),
      })),
    );
    const arrived = page.locator(".chat-file[data-state=done]");
    await expect.poll(() => arrived.count(), { timeout: 20_000 }).toBe(group.length);
    await unharmed(web);
    await chatOn(page).sendButton.click();
    await expect.poll(() => arrived.count()).toBe(0);
    await chatOn(page).answered();
  }
  await page.reload();
  await page.getByRole("log", { name: "Messages" }).getByRole("figure").first().waitFor();
  await unharmed(web);
});
