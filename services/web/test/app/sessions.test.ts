// @vitest-environment happy-dom
import type { Client, ClientState } from "@parley/client";
import { beforeEach, expect, test } from "vitest";
import { createSessions } from "../../src/app/sessions.ts";
import type { Identity } from "../../src/identity/identity.ts";
import { createSetting } from "../identity/fixtures.ts";

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

/** As much of a client as a session knows of. */
function createFakeClient() {
  const listeners: ((state: ClientState) => void)[] = [];
  const fake = { isClosed: false, become: (state: ClientState) => listeners.forEach((listener) => listener(state)) };
  const client = {
    state: { name: "ready" },
    on: (_name: string, listener: (state: ClientState) => void) => listeners.push(listener),
    connect: () => Promise.resolve(),
    close: () => (fake.isClosed = true),
  } as unknown as Client;
  return { fake, client };
}

function createSessionSetting() {
  const setting = createSetting({ cookie: "mira", methods: { signIn: "/auth/login", givesTokens: true } });
  const made: ReturnType<typeof createFakeClient>[] = [];
  const forgotten: string[] = [];
  const asked: Identity["authorize"][] = [];
  const sessions = createSessions({
    identity: setting.identity,
    createClient: (getToken) => {
      asked.push(getToken);
      const one = createFakeClient();
      made.push(one);
      return one.client;
    },
    forgetUnsent: async (userId) => void forgotten.push(userId),
  });
  return { ...setting, sessions, made, forgotten, asked, [Symbol.dispose]: setting.identity.close };
}

test("whoever signs in gets a client, and loses it with signing out", async () => {
  using setting = createSessionSetting();
  expect(setting.sessions.read()).toBeUndefined();
  await setting.identity.start();
  expect(setting.sessions.read()?.client).toBe(setting.made[0]?.client);
  await setting.identity.signOut();
  expect(setting.sessions.read()).toBeUndefined();
  expect(setting.made[0]?.fake.isClosed).toBe(true);
  expect(setting.forgotten).toEqual(["mira"]);
});

test("a sign-in that has ended keeps its client until somebody signs in again: then there is another", async () => {
  using setting = createSessionSetting();
  await setting.identity.start();
  const before = setting.sessions.read();
  setting.server.cookie = undefined;
  await setting.identity.check();
  expect(setting.sessions.read()).toBe(before);
  expect(setting.forgotten).toEqual([]);
  await setting.identity.useName("Mira");
  expect(setting.sessions.read()?.client).toBe(setting.made[1]?.client);
  expect(setting.made[0]?.fake.isClosed).toBe(true);
});

test.each([4004, 4008, 4500])("a connection that ends with %i makes the page ask who it is", async (code) => {
  using setting = createSessionSetting();
  await setting.identity.start();
  setting.server.cookie = undefined;
  setting.made[0]?.fake.become({ name: "waiting", delayMs: 1, retryAtMs: 0, code, reason: "" });
  await expect.poll(() => setting.identity.read().name).toBe("ended");
});

test("a connection that is merely lost asks nothing", async () => {
  using setting = createSessionSetting();
  await setting.identity.start();
  const before = setting.server.asked.length;
  setting.made[0]?.fake.become({ name: "waiting", delayMs: 1, retryAtMs: 0, code: 1006, reason: "" });
  await Promise.resolve();
  expect(setting.server.asked.length).toBe(before);
});

test("after a connection was closed for good a new client takes its place", async () => {
  using setting = createSessionSetting();
  await setting.identity.start();
  let told = 0;
  setting.sessions.subscribe(() => (told += 1));
  setting.sessions.renew();
  expect(setting.sessions.read()?.client).toBe(setting.made[1]?.client);
  expect(told).toBe(1);
});

test("a connection that was warned gets another token, whatever the clock here says of the one in use", async () => {
  using setting = createSessionSetting();
  setting.server.cookie = undefined;
  await setting.identity.start();
  await setting.identity.useName("Mira");
  const before = await setting.identity.authorize();
  expect(await setting.asked[0]?.()).not.toBe(before);
});

test("a connection that is somebody else's, who has signed in from another tab, makes this page theirs", async () => {
  using setting = createSessionSetting();
  await setting.identity.start();
  setting.server.cookie = "bert";
  setting.made[0]?.fake.become({ name: "ready", user: { id: "bert" } });
  await expect.poll(() => setting.sessions.read()?.me.user.id).toBe("bert");
  expect(setting.made[0]?.fake.isClosed).toBe(true);
});

test("what was answered to one sign-in is not taken for an answer to the next", async () => {
  using setting = createSessionSetting();
  await setting.identity.start();
  const before = setting.sessions.read();
  setting.sessions.renew();
  expect(setting.sessions.read()?.api).toBe(before?.api);
  await setting.identity.signOut();
  await setting.identity.useName("Bert");
  expect(setting.sessions.read()?.api).not.toBe(before?.api);
});
