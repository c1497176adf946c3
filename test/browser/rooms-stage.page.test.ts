import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChatStage, type ChatStage } from "./chat-stage.ts";
import { launchChromium } from "./chromium.ts";
import { seriousFindings } from "./web-axe.ts";
import { cut } from "./web-layout.ts";
import { chatOn } from "./web-page.ts";

/** What the pane shows of a room, and what its keys do, with a server inside the page (services/web/test/chat/stage/scripted-room.ts). */

let stage: ChatStage;
let browser: Browser;

beforeAll(async () => {
  [stage, browser] = await Promise.all([startChatStage(), launchChromium()]);
});
afterAll(async () => {
  await Promise.all([browser?.close(), stage?.[Symbol.asyncDispose]()]);
});

type Look = Parameters<Browser["newPage"]>[0];

async function openRoom(query = "", look: Look = {}): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1100, height: 800 }, colorScheme: "light", ...look });
  await page.goto(stage.url(`room${query}`));
  await message(page, "I watch the graphs").waitFor();
  return page;
}

const message = (page: Page, text: string): Locator => page.getByRole("article").filter({ hasText: text });

async function choose(page: Page, text: string, button: string, item?: string): Promise<void> {
  const one = message(page, text).first();
  await one.hover();
  await one.getByRole("button", { name: button, exact: true }).click();
  if (item !== undefined) await page.getByRole("menuitem", { name: item }).click();
}

const say = (page: Page, frame: object): Promise<void> =>
  page.evaluate(`stage.server.say(${JSON.stringify({ conversation_id: "c1", ...frame })})`);

test("others have their names, posts stand in their place, and what had not been read begins below a line", async () => {
  await using page = await openRoom();
  const names = await page
    .getByRole("article")
    .evaluateAll((all) => all.map((one) => one.getAttribute("aria-label") ?? "the agent"));
  expect(names).toEqual(["Ann Miller", "You", "the agent", "Ann Miller", "Ann Miller", "You", "Ben Okafor"]);
  expect(await message(page, "Two things changed").first().innerText()).toContain("helper");
  const log = await page.getByRole("log").innerText();
  expect(log.indexOf("New")).toBeGreaterThan(log.indexOf("On it."));
  expect(log.indexOf("New")).toBeLessThan(log.indexOf("I watch the graphs"));
  await page.getByRole("img", { name: "Read by Ann Miller" }).waitFor();
});

test("a reaction is given, taken back, and shows whose it is", async () => {
  await using page = await openRoom();
  await choose(page, "I watch the graphs", "React");
  await page.getByRole("button", { name: "React with 🎉" }).click();
  const given = message(page, "I watch the graphs").getByRole("button", { name: "🎉 1: Dana Weiss" });
  await given.waitFor();
  expect(await given.getAttribute("aria-pressed")).toBe("true");
  await given.click();
  await given.waitFor({ state: "detached" });
  await message(page, "Two things changed").getByRole("button", { name: "❤ 1: Ben Okafor" }).click();
  await message(page, "Two things changed").getByRole("button", { name: "❤ 2: Ben Okafor, Dana Weiss" }).waitFor();
});

test("the arrow up in an empty box changes one's last message, Esc leaves it as it was, and Enter keeps it", async () => {
  await using page = await openRoom();
  const box = chatOn(page).composer;
  await box.press("ArrowUp");
  const editor = page.getByRole("textbox", { name: "Text of the message" });
  expect(await editor.inputValue()).toBe("On it.");
  await editor.fill("nothing");
  await editor.press("Escape");
  await message(page, "On it.").waitFor();
  await box.press("ArrowUp");
  await editor.fill("On it, in five minutes.");
  await editor.press("Enter");
  const changed = message(page, "On it, in five minutes.");
  await changed.waitFor();
  expect(await changed.innerText()).toContain("edited");
});

test("a message is deleted once that was confirmed, and its place stays", async () => {
  await using page = await openRoom();
  await choose(page, "On it.", "More", "Delete");
  const dialog = page.getByRole("dialog", { name: "Delete this message?" });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  expect(await message(page, "On it.").count()).toBe(1);
  await choose(page, "On it.", "More", "Delete");
  await dialog.getByRole("button", { name: "Delete" }).click();
  const gone = message(page, "This message was deleted.");
  await gone.waitFor();
  expect(await message(page, "On it.").count()).toBe(0);
  expect(await gone.getByRole("button", { name: "React" }).count()).toBe(0);
});

test("what is pinned leads to its message, and a reply to what it replies to", async () => {
  await using page = await openRoom("&messages=120&page=50&tail=40");
  await choose(page, "I watch the graphs", "More", "Pin");
  await page.getByRole("button", { name: "2 pinned messages" }).click();
  await page.getByRole("menuitem", { name: /what changed in the shop/ }).click();
  await expect.poll(() => page.evaluate("document.activeElement.dataset.message")).toBe("r2-u");
  await message(page, "I would put the limit back")
    .getByRole("button", { name: /^Reply to helper Two things/ })
    .click();
  await expect.poll(() => page.evaluate("document.activeElement.dataset.message")).toBe("r2-a");
});

test("a name is completed by keys alone, and the message says whom it addresses and what it replies to", async () => {
  await using page = await openRoom();
  await page.evaluate("stage.server.answers = 'nothing'");
  await choose(page, "I watch the graphs", "Reply");
  await page.getByText("Replying to Ben Okafor").waitFor();
  const box = chatOn(page).composer;
  await box.pressSequentially("thanks @");
  const list = page.getByRole("listbox", { name: "Mention" });
  expect(await list.getByRole("option").allInnerTexts()).toHaveLength(5);
  await box.pressSequentially("b");
  await expect.poll(() => list.getByRole("option").count()).toBe(1);
  await box.press("Escape");
  await list.waitFor({ state: "detached" });
  expect(await box.inputValue()).toBe("thanks @b");
  await box.press("Backspace");
  await box.press("Backspace");
  await box.pressSequentially("@");
  await list.waitFor();
  await box.press("ArrowDown");
  const active = await box.getAttribute("aria-activedescendant");
  expect(await page.locator(`[id="${active}"]`).innerText()).toContain("Ben Okafor");
  await box.press("Enter");
  expect(await box.inputValue()).toBe("thanks @Ben Okafor ");
  await box.press("Enter");
  await expect.poll(() => page.evaluate("stage.server.heard.at(-1).type")).toBe("message");
  const heard = await page.evaluate<unknown[]>("stage.server.heard");
  expect(heard.at(-1)).toMatchObject({ type: "message", reply_to: "r7-u", mentions: ["ben"] });
  await page.getByText("Replying to").waitFor({ state: "detached" });
});

test("who types, who is there and who has left are told", async () => {
  await using page = await openRoom();
  await say(page, { type: "typing", users: [{ id: "ann", name: "Ann Miller" }, { id: "u" }] });
  await page.getByRole("status").filter({ hasText: "Ann Miller is writing…" }).waitFor();
  await say(page, { type: "typing", users: [{ id: "u" }] });
  await page.getByText("is writing…").waitFor({ state: "detached" });
  await say(page, { type: "presence", users: [{ id: "ann" }, { id: "u" }], online: 2, agents: [] });
  await page.getByRole("button", { name: "People: 3, 2 are here" }).waitFor();
  await page.evaluate(
    `stage.server.event({ type: "member", n: 9, people: [{ id: "u", role: null }], member_count: 2, answers: "mention", agents: [] })`,
  );
  await page.getByRole("heading", { name: "You are no longer in this conversation" }).waitFor();
  expect(await page.getByRole("article").count()).toBe(0);
});

const looks: readonly (readonly [string, string, Look])[] = [
  ["wide", "", {}],
  ["a phone's", "", { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }],
  ["dark and German", "&language=de", { viewport: { width: 360, height: 740 }, colorScheme: "dark" }],
];

test.each(looks)(
  "%s look: nothing is cut, and axe finds nothing serious, also in the panel",
  async (_name, query, look) => {
    await using page = await openRoom(query, look);
    await say(page, {
      type: "presence",
      users: [{ id: "ann" }],
      online: 1,
      agents: [{ name: "helper", state: "ready" }],
    });
    expect(await seriousFindings(page)).toEqual([]);
    expect(await cut(page)).toEqual([]);
    await page.getByRole("button", { name: /^(People|Personen): 3/ }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /Make a link|Link erstellen/ })
      .click();
    await page.getByRole("textbox", { name: /Link to join|Link zum Beitreten/ }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    expect(await cut(page)).toEqual([]);
  },
);
