import { expect, test } from "vitest";
import { seriousFindings } from "./web-axe.ts";
import { chatOn, openWeb } from "./web-page.ts";

test("language and theme are kept, and hold in the other tab at once", async () => {
  await using web = await openWeb({ colorScheme: "light" });
  const { page } = web;
  const other = await web.tab("/");
  const background = (of = page): Promise<string> =>
    of.evaluate<string>("getComputedStyle(document.body).backgroundColor");
  const light = await background();
  await page.bringToFront();
  await page.getByRole("button", { name: "Settings" }).click();
  const dialog = page.getByRole("dialog", { name: "Settings" });
  await dialog.getByRole("radio", { name: "Dark" }).check();
  await expect.poll(() => background()).not.toBe(light);
  await expect.poll(() => background(other)).toBe(await background());
  await dialog.getByRole("radio", { name: "Deutsch" }).check();
  for (const tab of [page, other]) await tab.getByRole("textbox", { name: "Nachricht", exact: true }).waitFor();
  expect(await page.evaluate("document.documentElement.lang")).toBe("de");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await page.reload();
  await page.getByRole("textbox", { name: "Nachricht", exact: true }).waitFor();
  expect(await background()).not.toBe(light);
});

test("follows the system's theme while nobody has chosen one", async () => {
  await using web = await openWeb({ colorScheme: "light" });
  const { page } = web;
  await chatOn(page).composer.waitFor();
  const background = (): Promise<string> => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
  const light = await background();
  await page.emulateMedia({ colorScheme: "dark" });
  await expect.poll(background).not.toBe(light);
});

test("moves nothing for who wants less motion", async () => {
  await using web = await openWeb({ reducedMotion: "reduce" });
  const chat = chatOn(web.page);
  await chat.send("/sim tokens=60 rate=30");
  await chat.stop.waitFor();
  const moving = await web.page.evaluate<string[]>(`document.getAnimations()
    .filter((each) => each.playState === "running" && (each.effect?.getComputedTiming().duration ?? 0) > 10)
    .map((each) => each.animationName ?? each.transitionProperty ?? "?")`);
  expect(moving).toEqual([]);
});

test("a question's address opens the settings where an account is connected, and leads on by a link", async () => {
  await using web = await openWeb();
  await web.context.route("**/api/v1/connections**", (route) =>
    route.fulfill({
      json:
        route.request().method() === "GET"
          ? { connections: [{ server: "tickets", connected: false }] }
          : { url: "https://login.tickets.example/authorize?state=x" },
    }),
  );
  const page = await web.tab("/?connect=tickets");
  const connections = page.getByRole("dialog", { name: "Settings" }).getByRole("region", { name: "Connections" });
  await connections.getByRole("button", { name: "Connect your account at tickets" }).click();
  const link = connections.getByRole("link", { name: "Go on at tickets" });
  expect(await link.getAttribute("href")).toBe("https://login.tickets.example/authorize?state=x");
  expect(await page.evaluate("document.activeElement?.textContent")).toBe("Go on at tickets");
  expect(await seriousFindings(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  expect(new URL(page.url()).search).toBe("");
});
