import type { CDPSession, Page } from "playwright-core";
import { expect, test } from "vitest";
import { z } from "zod";
import type { SimulatedDevice } from "../../services/tool-worker/test/support/simulated-push-service.ts";
import { seriousFindings } from "./web-axe.ts";
import { chatOn, conversationOf, idOf, openWeb, somebody, type Web, type WebOptions } from "./web-page.ts";

/**
 * Chromium would ask Google's service, which tests do not: what `PushManager` says is simulated, with keys that a simulated service opens messages with. All else is
 * real: permission, service worker, server, tool worker, what was sealed, and that the browser shows it.
 */
async function openWithPush(options: WebOptions = {}): Promise<{ web: Web; device: SimulatedDevice }> {
  const web = await openWeb(options);
  const device = await web.pushes.device(`web-${crypto.randomUUID().slice(0, 8)}`);
  await web.context.grantPermissions(["notifications"], { origin: web.origin });
  await web.context.addInitScript(simulatedSubscriptions(device));
  await web.page.reload();
  return { web, device };
}

function simulatedSubscriptions({ subscription: { endpoint, keys } }: SimulatedDevice): string {
  return `{
    const kept = "test.subscription";
    const made = () => ({
      endpoint: ${JSON.stringify(endpoint)},
      options: { applicationServerKey: null },
      toJSON: () => ({ endpoint: ${JSON.stringify(endpoint)}, keys: ${JSON.stringify(keys)} }),
      unsubscribe: async () => { localStorage.removeItem(kept); return true; },
    });
    PushManager.prototype.getSubscription = async () => (localStorage.getItem(kept) === null ? null : made());
    PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
      if (!userVisibleOnly || applicationServerKey.length !== 65) throw new TypeError("no such subscription");
      localStorage.setItem(kept, "1");
      return made();
    };
  }`;
}

async function openNotices(page: Page) {
  await page.getByRole("button", { name: "Settings" }).click();
  const section = page.getByRole("dialog", { name: "Settings" }).getByRole("region", { name: "Notices" });
  return { section, here: section.getByRole("checkbox", { name: "Show notices in this browser" }) };
}

/** The push service hands a message to the browser. */
async function deliver(web: Web, data: object): Promise<void> {
  // One that is not active yet is woken for nothing.
  await web.page.evaluate("navigator.serviceWorker.ready.then(({ active }) => active !== null)");
  const cdp: CDPSession = await web.context.newCDPSession(web.page);
  const found = new Promise<string>((resolve) =>
    cdp.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const one = registrations.find(({ scopeURL }) => scopeURL.startsWith(web.origin));
      if (one !== undefined) resolve(one.registrationId);
    }),
  );
  await cdp.send("ServiceWorker.enable");
  await cdp.send("ServiceWorker.deliverPushMessage", {
    ...{ origin: web.origin, registrationId: await found, data: JSON.stringify(data) },
  });
}

const shownOn = (page: Page): Promise<{ title: string; body: string; tag: string }[]> =>
  page.evaluate(`navigator.serviceWorker.getRegistration("/").then(async (one) =>
    (await one.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag })))`);

test("somebody asks for notices in this browser, is mentioned while away, is shown it in words, and is led there", async () => {
  const bert = somebody();
  const { web, device } = await openWithPush({ person: bert });
  await using _closed = web;
  const { here, section } = await openNotices(web.page);
  await here.click();
  await section.getByText("This browser", { exact: true }).waitFor();
  expect(await seriousFindings(web.page)).toEqual([]);
  await web.page.keyboard.press("Escape");

  await using ann = await openWeb();
  await chatOn(ann.page).send("/sim text=hello");
  await chatOn(ann.page).answered();
  const id = conversationOf(ann.page);
  const invite = { method: "POST", body: JSON.stringify({ user_id: idOf(bert), role: "writer" }) };
  expect((await ann.api(`conversations/${id}/members`, invite)).status).toBeLessThan(300);
  const body = JSON.stringify({ message: "look at this, please", conversation_id: id, mentions: [idOf(bert)] });
  expect((await ann.api("chat", { method: "POST", body })).status).toBeLessThan(300);
  const [pushed] = await web.pushes.until(device.name, 1, 30_000);
  expect(pushed?.by?.subject).toBe("mailto:ops@example.org");
  expect(JSON.stringify(pushed?.shown)).not.toContain("look at this");
  await deliver(web, pushed?.shown ?? {});
  await deliver(web, pushed?.shown ?? {});
  await expect.poll(() => shownOn(web.page)).toHaveLength(1);
  expect((await shownOn(web.page))[0]?.body).toContain("mentioned you.");
  // As a touch of the notice does it.
  await web.page.evaluate(
    `navigator.serviceWorker.dispatchEvent(new MessageEvent("message", { data: { type: "open", path: "/c/${id}" } }))`,
  );
  await web.page.getByRole("log", { name: "Messages" }).getByText("look at this, please").waitFor();
  await expect.poll(() => shownOn(web.page)).toEqual([]);
});

test("what is chosen holds in another browser, where this one can be taken away", async () => {
  const person = somebody();
  const { web, device } = await openWithPush({ person });
  await using _closed = web;
  const one = await openNotices(web.page);
  await one.here.click();
  await one.section.getByText("This browser", { exact: true }).waitFor();
  await one.section.getByRole("radio", { name: "Nothing" }).click();
  await expect.poll(() => one.section.getByRole("radio", { name: "Nothing" }).isChecked()).toBe(true);
  const { web: other } = await openWithPush({ person });
  await using _otherClosed = other;
  const two = await openNotices(other.page);
  await expect.poll(() => two.section.getByRole("radio", { name: "Nothing" }).isChecked()).toBe(true);
  expect(await two.here.isChecked()).toBe(false);
  await two.section.getByRole("button", { name: /^Remove Chrome/ }).click();
  await expect.poll(() => two.section.getByRole("listitem").count()).toBe(0);
  expect(web.pushes.to(device.name)).toEqual([]);
});

test("signing out takes this browser away, and somebody else's subscription is none of the next person's", async () => {
  const { web } = await openWithPush();
  await using _closed = web;
  const { here, section } = await openNotices(web.page);
  await here.click();
  await section.getByText("This browser", { exact: true }).waitFor();
  await web.page.keyboard.press("Escape");
  const devices = async (): Promise<unknown[]> =>
    z.object({ devices: z.array(z.unknown()) }).parse(await (await web.api("notices")).json()).devices;
  expect(await devices()).toHaveLength(1);
  await web.page.getByRole("button", { name: /^Account of/ }).click();
  await web.page.getByRole("menuitem", { name: "Sign out" }).click();
  await web.page.getByText("You have signed out.").waitFor();
  await expect.poll(devices).toEqual([]);
  await expect.poll(() => web.page.evaluate(`localStorage.getItem("test.subscription")`)).toBeNull();
});

test("a browser that refuses says so, and a message that is none is shown as something new", async () => {
  await using web = await openWeb();
  await web.context.addInitScript(`Object.defineProperty(Notification, "permission", { get: () => "denied" })`);
  await web.page.reload();
  const { section, here } = await openNotices(web.page);
  await section.getByText("Notices of this site are blocked in your browser.").waitFor();
  expect(await here.isDisabled()).toBe(true);

  const { web: other } = await openWithPush();
  await using _closed = other;
  const asked = await openNotices(other.page);
  await asked.here.click();
  await asked.section.getByText("This browser", { exact: true }).waitFor();
  await deliver(other, ["no notice"]);
  await deliver(other, {
    id: "x",
    type: "<img src=x onerror=alert(1)>",
    conversation_id: "../../evil",
    title: "<b>Hi</b>",
  });
  await expect.poll(() => shownOn(other.page)).toHaveLength(2);
  expect(new Set((await shownOn(other.page)).map(({ body }) => body))).toEqual(
    new Set(["There is something new for you."]),
  );
});
