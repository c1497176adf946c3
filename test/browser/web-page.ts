import { randomUUID } from "node:crypto";
import type { BrowserContext, BrowserContextOptions, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { z } from "zod";
import { createToken } from "../chaos/clients/token.ts";
import { webSystem, type WebSystem } from "./web-system.ts";

export interface WebOptions extends Pick<
  BrowserContextOptions,
  "viewport" | "colorScheme" | "reducedMotion" | "locale" | "bypassCSP" | "hasTouch" | "isMobile"
> {
  /** Who uses it; by default somebody whom no other test knows. The same name is the same person. */
  readonly person?: string;
  /** By a token (which brings the roles), by the name of the development sign-in, or not yet. */
  readonly signIn?: "token" | "development" | "none";
  readonly roles?: readonly string[];
  readonly path?: string;
  /** Where the page is opened; by default at the address behind which all edges are. */
  readonly port?: number;
}

/** A browser profile with the chat page, signed in. Disposing of it fails the test when the page complained of anything. */
export interface Web extends WebSystem {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly person: string;
  readonly origin: string;
  /** What a developer would see in red: console errors, uncaught errors, policy violations, requests to other hosts. */
  readonly complaints: string[];
  /** Complaints that belong to what the test does, such as a server that is away. */
  expect(complaint: RegExp): void;
  /** One more tab of the same profile. */
  tab(path: string): Promise<Page>;
  /** Asks the server as this person. */
  api(path: string, init?: RequestInit): Promise<Response>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** For whatever a page does at once; a busy machine has only a part of a processor. */
const ACTION_MS = 15_000;

/** What Chromium says of a server that does not answer; it cannot be kept from saying so. */
export const serverAway =
  /^(WebSocket connection to .* failed|Failed to load resource: (net::ERR_|the server responded with a status of 50[234]))/;

function watch(page: Page, origin: string, complaints: string[]): void {
  const { host } = new URL(origin);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning")
      complaints.push(`${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => complaints.push(error.stack ?? error.message));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.protocol !== "blob:" && url.host !== host)
      complaints.push(`asked ${request.url()}`);
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== host) complaints.push(`connected to ${socket.url()}`);
  });
}

/** A person of their own for a test, so that lists begin empty. */
export function somebody(): string {
  return `Person ${randomUUID().slice(0, 8)}`;
}

/** As which user the server knows a person who signs in with a token. */
export const idOf = (person: string): string => person.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");

export async function openWeb(options: WebOptions = {}): Promise<Web> {
  const shared = await webSystem();
  const {
    person = somebody(),
    roles = [],
    signIn = "token",
    path = "/",
    port = shared.address.port,
    ...contextOptions
  } = options;
  const origin = `http://127.0.0.1:${port}`;
  const token = createToken(shared.system.jwtSecret, idOf(person), undefined, { name: person, roles });
  const context = await shared.browser.newContext({
    viewport: { width: 1280, height: 860 },
    locale: "en-GB",
    ...contextOptions,
  });
  const kept = { token: ["parley.token", token], development: ["parley.name", person], none: undefined }[signIn];
  if (kept !== undefined) await context.addInitScript(`sessionStorage.setItem(...${JSON.stringify(kept)})`);
  context.setDefaultTimeout(ACTION_MS);
  const complaints: string[] = [];
  const expected: RegExp[] = [];
  const tab = async (where: string): Promise<Page> => {
    const page = await context.newPage();
    watch(page, origin, complaints);
    await page.goto(`${origin}${where}`);
    return page;
  };
  const page = await tab(path);
  return {
    ...shared,
    ...{ context, page, person, origin, complaints, tab },
    expect: (complaint) => void expected.push(complaint),
    api: (where, init = {}) =>
      fetch(`${origin}/api/v1/${where}`, {
        ...init,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      }),
    async [Symbol.asyncDispose]() {
      await context.close();
      const unexpected = complaints.filter((complaint) => !expected.some((pattern) => pattern.test(complaint)));
      // Softly: what has failed before it is not hidden by it.
      expect.soft(unexpected, "what the page complained of").toEqual([]);
    },
  };
}

/** What a person sees and does in a conversation, by the names that a screen reader says. */
export function chatOn(page: Page) {
  const log = page.getByRole("log", { name: "Messages" });
  const composer = page.getByRole("textbox", { name: "Message", exact: true });
  const answers = log.getByRole("article").and(page.locator(":not([aria-label='You'])"));
  return {
    log,
    composer,
    answers,
    questions: log.getByRole("article", { name: "You", exact: true }),
    stop: page.getByRole("button", { name: "Stop", exact: true }),
    sendButton: page.getByRole("button", { name: "Send", exact: true }),
    waiting: page.getByRole("list", { name: "Waiting messages" }).getByRole("listitem"),
    connection: page.getByRole("status", { name: "Connection" }),
    async send(text: string): Promise<void> {
      await composer.fill(text);
      await composer.press("Enter");
    },
    /** The newest answer, once nothing runs any more. */
    async answered(count = 1): Promise<Locator> {
      await expect.poll(() => answers.count(), { timeout: 20_000 }).toBeGreaterThanOrEqual(count);
      await page.getByRole("button", { name: "Stop", exact: true }).waitFor({ state: "hidden", timeout: 30_000 });
      return answers.last();
    },
  };
}

/** The conversation that is open. */
export function conversationOf(page: Page): string {
  const [, id] = /^\/c\/([A-Za-z0-9_-]{1,128})$/.exec(new URL(page.url()).pathname) ?? [];
  if (id === undefined) throw new Error(`no conversation is open at ${page.url()}`);
  return id;
}

/** What the simulated model says to `tokens=n`: a lost or repeated token shows. */
export function numberedWords(count: number): string {
  return Array.from({ length: count }, (_, index) => `w${index}`).join(" ");
}

const Transcript = z.object({
  messages: z.array(z.object({ author: z.object({ role: z.string() }), message: z.string(), status: z.string() })),
});

/** What the server has kept of the conversation that is open, oldest first. */
export async function storedMessages(web: Web, page = web.page) {
  const response = await web.api(`conversations/${conversationOf(page)}/messages`);
  return Transcript.parse(await response.json()).messages;
}
