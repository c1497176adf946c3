import { expect, test } from "vitest";
import { embeddedOn, openHostPage } from "./embed-host.ts";

/** Notes in `window.told` what the element tells its page. */
const listening = `window.told = [];
  for (const name of ["parley-open", "parley-close", "parley-message"])
    addEventListener(name, ({ detail }) => told.push(detail === null ? name : { name, ...detail }));`;

test("opens and closes by the button, by Esc, by methods and by the attribute, and says so", async () => {
  await using host = await openHostPage({ script: listening });
  const { page } = host;
  const chat = embeddedOn(page);
  await chat.opener.click();
  await chat.frame.waitFor();
  expect(await chat.opener.isVisible()).toBe(false);
  await chat.closer.focus();
  await page.keyboard.press("Escape");
  await chat.frame.waitFor({ state: "hidden" });
  // Whoever closed it with the keyboard is where they were.
  expect(await page.evaluate("document.querySelector('parley-chat').shadowRoot.activeElement?.ariaLabel")).toBe(
    "Open chat",
  );
  await page.keyboard.press("Enter");
  await chat.frame.waitFor();
  await chat.closer.click();
  await chat.frame.waitFor({ state: "hidden" });
  await page.evaluate(
    "customElements.whenDefined('parley-chat').then(() => document.querySelector('parley-chat').open())",
  );
  await chat.frame.waitFor();
  expect(await page.evaluate("document.querySelector('parley-chat').hasAttribute('open')")).toBe(true);
  await page.evaluate("document.querySelector('parley-chat').removeAttribute('open')");
  await chat.frame.waitFor({ state: "hidden" });
  expect(await page.evaluate("told")).toEqual([1, 2, 3].flatMap(() => ["parley-open", "parley-close"]));
});

test("becomes larger and smaller, and fills a phone", async () => {
  await using host = await openHostPage();
  const { page } = host;
  const chat = embeddedOn(page);
  await chat.opener.click();
  const small = await chat.frame.boundingBox();
  await chat.frame.getByRole("button", { name: "Make larger" }).click();
  const large = await chat.frame.boundingBox();
  expect([small?.width, large?.width]).toEqual([400, 832]);
  await chat.frame.getByRole("button", { name: "Make smaller" }).click();
  expect(await chat.frame.boundingBox()).toEqual(small);
  await chat.closer.click();
  await page.setViewportSize({ width: 360, height: 640 });
  await chat.opener.click();
  expect(await chat.frame.boundingBox()).toEqual({ x: 0, y: 0, width: 360, height: 640 });
  await page.keyboard.press("Escape");
  await chat.frame.waitFor({ state: "hidden" });
});

test("lets no style of the page in, and none of its own out", async () => {
  const styles = `html { font-size: 62.5%; } * { letter-spacing: 5px !important; }
    button, dialog, h2 { background: rgb(255, 0, 0) !important; font-size: 40px !important; text-transform: uppercase !important; }
    parley-chat { font-size: 50px; color: rgb(255, 0, 0); }`;
  await using host = await openHostPage({
    styles,
    body: `<button id="own">Own</button><parley-chat token="TOKEN"></parley-chat>`,
  });
  const { page } = host;
  const before = await page.evaluate(lookOf("document.querySelector('#own')"));
  const chat = embeddedOn(page);
  await chat.opener.click();
  expect(await page.evaluate(lookOf(inside(".embed-title")))).toEqual({
    backgroundColor: "rgba(0, 0, 0, 0)",
    fontSize: "17px",
    letterSpacing: "normal",
    textTransform: "none",
  });
  expect(await page.evaluate(lookOf("document.querySelector('#own')"))).toEqual(before);
  expect(
    await page.evaluate("document.head.querySelectorAll('style').length + document.adoptedStyleSheets.length"),
  ).toBe(0);
});

function inside(selector: string): string {
  return `document.querySelector('parley-chat').shadowRoot.querySelector('${selector}')`;
}

function lookOf(element: string): string {
  return `(() => {
    const { backgroundColor, fontSize, letterSpacing, textTransform } = getComputedStyle(${element});
    return { backgroundColor, fontSize, letterSpacing, textTransform };
  })()`;
}

test("looks as the variables of the page say, and as its attributes", async () => {
  const styles = `parley-chat { --parley-color-accent: rgb(1, 2, 3); --parley-corner-right: 40px; }`;
  const body = `<parley-chat token="TOKEN" theme="dark" language="de" label="Frag uns"></parley-chat>`;
  await using host = await openHostPage({ styles, body });
  const { page } = host;
  const opener = page.getByRole("button", { name: "Chat öffnen" });
  await opener.waitFor();
  expect(await page.evaluate(lookOf(inside(".embed-opener")))).toMatchObject({ backgroundColor: "rgb(1, 2, 3)" });
  expect(await page.evaluate(`innerWidth - ${inside(".embed-opener")}.getBoundingClientRect().right`)).toBe(40);
  await opener.click();
  await page.getByRole("dialog", { name: "Frag uns" }).waitFor();
  expect(await page.evaluate(lookOf(inside("dialog")))).toMatchObject({ backgroundColor: "rgb(27, 27, 30)" });
  await page.evaluate("document.querySelector('parley-chat').setAttribute('theme', 'light')");
  expect(await page.evaluate(lookOf(inside("dialog")))).toMatchObject({ backgroundColor: "rgb(255, 255, 255)" });
});

test("costs visitors who never open it no socket and no request", async () => {
  await using host = await openHostPage();
  const { page, chatOrigin } = host;
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("websocket", (socket) => asked.push(socket.url()));
  await page.reload();
  await embeddedOn(page).opener.waitFor();
  await page.waitForLoadState("networkidle");
  const ofChat = asked.filter((url) => new URL(url).host === new URL(chatOrigin).host);
  expect(ofChat.map((url) => new URL(url).pathname.replace(/-[\w-]{8}\.js$/, ".js"))).toEqual([
    "/embed/parley-chat.js",
    "/embed/assets/chat.js",
  ]);
});

test("closes its socket when it is taken out, and keeps it when it is moved", async () => {
  await using host = await openHostPage({
    body: `<div id="a"><parley-chat token="TOKEN" open></parley-chat></div><div id="b"></div>`,
  });
  const { page } = host;
  const opened: string[] = [];
  page.on("websocket", (socket) => opened.push(socket.url()));
  const socket = await page.waitForEvent("websocket");
  await socket.waitForEvent("framereceived");
  await page.evaluate("document.querySelector('#b').append(document.querySelector('parley-chat'))");
  await embeddedOn(page).frame.waitFor();
  await page.evaluate("new Promise((resolve) => setTimeout(resolve, 1_000))");
  expect(socket.isClosed()).toBe(false);
  expect(opened).toHaveLength(1);
  const closed = socket.waitForEvent("close");
  await page.evaluate("document.querySelector('parley-chat').remove()");
  await closed;
});

test("says what is missing when the page names no visitor, and begins once it does", async () => {
  await using host = await openHostPage({ body: "<parley-chat open></parley-chat>" });
  const { page, token } = host;
  const { frame } = embeddedOn(page);
  await frame.getByText("This page has not said who you are").waitFor();
  const socket = page.waitForEvent("websocket");
  await page.evaluate(`document.querySelector('parley-chat').getToken = async () => ${JSON.stringify(token)}`);
  await socket;
  await frame.getByText("This page has not said who you are").waitFor({ state: "hidden" });
});

test("says so when the server takes the token no more", async () => {
  await using host = await openHostPage({ body: `<parley-chat open token="wrong"></parley-chat>` });
  // Of what is asked over HTTP, too.
  host.expect(/status of 401/);
  const { frame } = embeddedOn(host.page);
  await frame.getByText(/^The chat was ended: /).waitFor();
});
