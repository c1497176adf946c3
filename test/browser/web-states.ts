import { eventually } from "@parley/testkit";
import { chatOn, conversationOf, openWeb, serverAway, somebody, type Web, type WebOptions } from "./web-page.ts";
import type { Said } from "./web-model.ts";

/** A state of the page that a person may come upon: by this name in pictures and findings. */
export interface State {
  readonly name: string;
  /** The page in it; `options` are of the look only. */
  open(options: WebOptions): Promise<Web>;
}

const markdown = `## What I found

The deployment **shop** has *two* problems, and one of them is [known](https://example.org/known):

1. The image \`shop:1.4\` cannot be pulled.
2. The probe answers with \`503\`.
   - since yesterday
   - on both nodes

> Nothing was changed.

| Pod | Status | Restarts |
|---|:--|--:|
| shop-7d9f | CrashLoopBackOff | 14 |
| shop-8c21 | Running | 0 |

\`\`\`yaml
apiVersion: v1
kind: Pod
metadata:
  name: shop-7d9f # the one that fails
\`\`\`

Shall I look at the logs as well?`;

/** What a model has not yet said to the end. */
const never = new Promise<void>(() => undefined);

/** Opens the page, and has something done on it. */
function state(name: string, show: (web: Web) => Promise<unknown>, more: WebOptions = {}): State {
  return {
    name,
    async open(options) {
      const web = await openWeb({ ...more, ...options });
      try {
        await show(web);
        return web;
      } catch (error) {
        await web.context.close();
        throw error;
      }
    },
  };
}

async function ask(web: Web, question: string, ...rounds: [Said, ...Said[]]): Promise<void> {
  web.model.script(question, ...rounds);
  await chatOn(web.page).send(question);
}

async function hello({ page }: Web, message = "hello"): Promise<void> {
  await chatOn(page).send(message);
  await chatOn(page).answered();
}

/** Conversations that are there already. */
async function several(web: Web): Promise<void> {
  for (const message of ["hello", "Which pods crash in the shop?", "What can you help me with?"]) {
    const conversation_id = `c-${somebody().replaceAll(" ", "-")}`;
    await web.api("chat", { method: "POST", body: JSON.stringify({ message, conversation_id }) });
  }
  await web.page.reload();
}

async function approval(web: Web, question: string): Promise<void> {
  await chatOn(web.page).send(question);
  await web.page.getByRole("group", { name: "Approval: demo_change" }).waitFor();
}

/** On a narrow window the list is a drawer. */
async function sidebar({ page }: Web): Promise<void> {
  const drawer = page.getByRole("button", { name: "Show conversations" });
  const list = page.getByRole("button", { name: "Hide conversations" });
  await drawer.or(list).first().waitFor();
  if (await drawer.isVisible()) await drawer.click();
  await page.getByRole("searchbox", { name: "Search conversations" }).waitFor();
}

async function settings(web: Web): Promise<void> {
  const { page } = web;
  await sidebar(web);
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("dialog", { name: "Settings" }).waitFor();
}

async function menuOf(web: Web): Promise<void> {
  const { page } = web;
  await several(web);
  await sidebar(web);
  await page
    .getByRole("button", { name: /^More for / })
    .first()
    .click();
  await page.getByRole("menuitem", { name: "Rename" }).waitFor();
}

const conversations: readonly State[] = [
  state("empty", async ({ page }) => chatOn(page).composer.waitFor()),
  state("answer", async (web) => {
    await several(web);
    await ask(web, "What is wrong with the shop?", { text: markdown });
    await chatOn(web.page).answered();
  }),
  state("tool-cards", async (web) => {
    await hello(web, "list all pods");
    const call = { name: "demo_fail", arguments: { message: "The cluster said no." } };
    await ask(
      web,
      "And if it fails?",
      { text: "Let me try.", calls: [call] },
      { text: "It failed, as the card says." },
    );
    await chatOn(web.page).answered(2);
  }),
  state("tool-running", async (web) => {
    const call = { name: "demo_sleep", arguments: { ms: 60_000 } };
    await ask(web, "Take your time", { text: "This takes a minute.", calls: [call] }, { text: "Done." });
    await web.page.getByRole("group", { name: "Tool demo_sleep" }).getByText("Running").waitFor();
  }),
  state("streaming", async (web) => {
    await ask(web, "Tell me slowly", { text: [markdown.slice(0, 420), never] });
    await web.page.getByText("The probe answers").waitFor();
  }),
  state("reasoning", async (web) => {
    await ask(web, "Think first", {
      thoughts: "First I look at the pods. Then at their logs.",
      text: "I thought about it.",
    });
    const answer = await chatOn(web.page).answered();
    await answer.getByRole("button", { name: /^Reasoning/ }).click();
  }),
  state("failed", async ({ page }) => {
    await chatOn(page).send("/sim status=400");
    await chatOn(page).answered();
  }),
  state("stopped", async ({ page }) => {
    const chat = chatOn(page);
    await chat.send("/sim tokens=5000 rate=50");
    await chat.answers.last().getByText("w9 ").waitFor();
    await chat.stop.click();
    await chat.answered();
  }),
  state("waiting-messages", async (web) => {
    const chat = chatOn(web.page);
    await ask(web, "Talk for a while", { text: ["I am still talking, and", never] });
    await chat.answers.last().getByText("still talking").waitFor();
    await chat.send("And then tell me about the second thing, please");
    await chat.send("The third as well");
    await eventually(async () => (await chat.waiting.count()) === 2, { what: "two that wait" });
  }),
  state("sources", async ({ page }) => {
    const chat = chatOn(page);
    await chat.send("What is the tyre pressure of the Aurora 2?");
    const answer = await chat.answered();
    await answer.getByRole("list", { name: "Sources" }).getByRole("button").first().click();
    await page.getByRole("dialog", { name: /^Source: / }).waitFor();
  }),
  state("result", async ({ page }) => {
    const chat = chatOn(page);
    await chat.send("list all pods");
    await chat.answered();
    await chat.log
      .getByRole("group", { name: /^Tool / })
      .getByRole("button", { expanded: false })
      .first()
      .click();
    await chat.log.getByRole("group", { name: /^Tool / }).scrollIntoViewIfNeeded();
  }),
  state("comment", async (web) => {
    await hello(web);
    const answer = chatOn(web.page).answers.last();
    await answer.hover();
    await answer.getByRole("button", { name: "Bad answer" }).click();
    await web.page.getByRole("textbox", { name: /What was good or bad/ }).waitFor();
  }),
  state("agents", async ({ page }) => {
    await page.getByRole("button", { name: /^Agent/ }).click();
    await page.getByRole("option").first().waitFor();
  }),
  state("long", async (web) => {
    for (let index = 0; index < 6; index += 1) await hello(web, `/sim tokens=${120 + index}`);
    await chatOn(web.page).log.hover();
    await web.page.mouse.wheel(0, -1_500);
    await web.page.getByRole("button", { name: "Jump to the latest" }).waitFor();
  }),
];

const decisions: readonly State[] = [
  state("approval", (web) => approval(web, "please approve")),
  state("approval-decided", async (web) => {
    await approval(web, "change the counter to 7");
    await web.page.getByRole("button", { name: "Approve" }).click();
    await chatOn(web.page).answered();
  }),
  state("approval-four-eyes", (web) => approval(web, "change the counter to 8"), { roles: ["junior"] }),
  state(
    "approvals",
    async (web) => {
      await using asker = await openWeb({ roles: ["junior"], person: somebody() });
      await approval(asker, "change the counter to 9");
      await web.page.goto(`${web.origin}/approvals`);
      await web.page.getByRole("group", { name: "Approval: demo_change" }).first().waitFor();
    },
    { roles: ["approver"] },
  ),
];

const around: readonly State[] = [
  state("settings", settings),
  state("conversations", async (web) => {
    await several(web);
    await sidebar(web);
    await web.page.getByRole("link", { name: /hello/ }).waitFor();
  }),
  state("menu", menuOf),
  state("delete", async (web) => {
    await menuOf(web);
    await web.page.getByRole("menuitem", { name: "Delete" }).click();
    await web.page.getByRole("dialog", { name: /^Delete/ }).waitFor();
  }),
  state("nothing-found", async (web) => {
    await sidebar(web);
    await web.page.getByRole("searchbox", { name: "Search conversations" }).fill("what nobody ever said");
    await web.page.getByText(/^Nothing found/).waitFor();
  }),
  state("reconnecting", async (web) => {
    web.expect(serverAway);
    await hello(web);
    await web.context.setOffline(true);
    await chatOn(web.page).connection.waitFor();
    await chatOn(web.page).send("said without a network");
  }),
  state("sign-in", async ({ page }) => page.getByRole("textbox", { name: "Your name" }).waitFor(), { signIn: "none" }),
  state("german", async (web) => {
    await settings(web);
    await web.page.getByRole("radio", { name: "Deutsch" }).check();
    await web.page.keyboard.press("Escape");
    // On a phone the drawer from which the settings were opened.
    await web.page.getByRole("dialog", { name: "Einstellungen" }).waitFor({ state: "hidden" });
    await web.page.keyboard.press("Escape");
    await web.page.getByRole("textbox", { name: "Nachricht", exact: true }).fill("please approve");
    await web.page.keyboard.press("Enter");
    await web.page.getByText("demo_change").first().waitFor();
  }),
  state("not-found", async (web) => {
    web.expect(/status of 404/);
    await web.page.goto(`${web.origin}/nowhere`);
  }),
  state("forbidden", async (web) => {
    web.expect(/status of 403/);
    await using owner = await openWeb({ person: somebody() });
    await hello(owner);
    await web.page.goto(`${web.origin}/c/${conversationOf(owner.page)}`);
    await web.page.getByText("belongs to somebody else").waitFor();
  }),
];

export const states: readonly State[] = [...conversations, ...decisions, ...around];
