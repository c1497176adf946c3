import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";
import { createToken } from "../chaos/clients/token.ts";
import { webSystem, type WebSystem } from "./web-system.ts";

export interface HostOptions extends Pick<BrowserContextOptions, "viewport" | "locale" | "colorScheme"> {
  /** What stands in the body beside the script; `TOKEN` and `CHAT` in it are the visitor's token and the origin of the chat. */
  readonly body?: string;
  /** The page's own script, which may run before the element is known. */
  readonly script?: string;
  readonly styles?: string;
  readonly rootAttributes?: string;
  /** Of the page, by default one whose pages the server accepts. */
  readonly hostname?: string;
}

/** A page of somebody else, under a policy as strict as one that can embed the chat may be. */
export interface HostPage extends WebSystem {
  readonly page: Page;
  /** Of the edges. */
  readonly chatOrigin: string;
  readonly pageOrigin: string;
  readonly token: string;
  readonly complaints: string[];
  /** Complaints that belong to what the test does. */
  expect(complaint: RegExp): void;
  /** One more tab of the same browser. */
  tab(): Promise<Page>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

const ownOrigin = "http://127.0.0.1";

export async function openHostPage(options: HostOptions = {}): Promise<HostPage> {
  const shared = await webSystem();
  const { body = `<parley-chat token="TOKEN"></parley-chat>`, script = "", styles = "", rootAttributes = "" } = options;
  const { hostname = "127.0.0.1" } = options;
  const chatOrigin = `${ownOrigin}:${shared.address.port}`;
  const token = createToken(shared.system.jwtSecret, `visitor-${randomUUID().slice(0, 8)}`, undefined, {
    name: "Visitor",
  });
  const filled = (text: string): string => text.replaceAll("TOKEN", token).replaceAll("CHAT", chatOrigin);
  const html = `<!doctype html><html lang="en" ${rootAttributes}><head><meta charset="utf-8" /><title>Shop</title>
    <link rel="icon" href="data:," /><link rel="stylesheet" href="/host.css" /><script src="/host.js"></script>
    <script src="${chatOrigin}/embed/parley-chat.js" async></script></head><body><h1>Shop</h1>${filled(body)}</body></html>`;
  const texts = new Map<string, readonly [string, string]>([
    ["/", ["text/html; charset=utf-8", html]],
    ["/host.css", ["text/css", styles]],
    ["/host.js", ["text/javascript", filled(script)]],
  ]);
  const policy =
    `default-src 'none'; script-src 'self' ${chatOrigin}; style-src 'self'; img-src data:; ` +
    `connect-src ${chatOrigin} ${chatOrigin.replace("http", "ws")}; require-trusted-types-for 'script'`;
  const server = createServer((request, response) => {
    const [type, text] = texts.get(request.url ?? "") ?? ["text/plain", ""];
    response.writeHead(200, { "content-type": type, "content-security-policy": policy }).end(text);
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
  const context = await shared.browser.newContext({
    viewport: { width: 1280, height: 860 },
    locale: "en-GB",
    ...options,
  });
  const complaints: string[] = [];
  const expected: RegExp[] = [];
  const pageOrigin = `http://${hostname}:${port}`;
  const tab = async (): Promise<Page> => {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.stack ?? error.message));
    await page.goto(`${pageOrigin}/`);
    return page;
  };
  return {
    ...shared,
    ...{ page: await tab(), chatOrigin, pageOrigin, token, complaints, tab },
    expect: (complaint) => void expected.push(complaint),
    async [Symbol.asyncDispose]() {
      await context.close();
      await new Promise((resolve) => server.close(resolve));
      const unexpected = complaints.filter((complaint) => !expected.some((pattern) => pattern.test(complaint)));
      expect(unexpected, "what the page complained of").toEqual([]);
    },
  };
}

/** The chat in the corner, by the names that a screen reader says. */
export function embeddedOn(page: Page, label = "Chat") {
  const frame = page.getByRole("dialog", { name: label });
  return {
    frame,
    opener: page.getByRole("button", { name: /^Open chat/ }),
    closer: frame.getByRole("button", { name: "Close chat" }),
    composer: frame.getByRole("textbox", { name: "Message", exact: true }),
    answers: frame.getByRole("article").and(page.locator(":not([aria-label='You'])")),
  };
}
