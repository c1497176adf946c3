// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { developmentIdOf } from "../../src/identity/auth-calls.ts";
import { createSetting } from "./fixtures.ts";

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

test("nobody is signed in where nothing is known, and the page is told what the server takes", async () => {
  using setting = createSetting();
  await setting.identity.start();
  expect(setting.identity.read()).toEqual({
    name: "signed-out",
    methods: { signIn: undefined, givesTokens: true },
    reason: undefined,
  });
  await expect(setting.identity.authorize()).rejects.toMatchObject({ code: "AUTH_REQUIRED" });
});

test("a name is enough in development, and is known again after a reload", async () => {
  using first = createSetting();
  await first.identity.start();
  await first.identity.useName("Anna");
  expect(first.identity.read()).toMatchObject({
    name: "signed-in",
    how: "development",
    me: { user: { id: "dev-Anna" } },
  });
  using again = createSetting();
  await again.identity.start();
  expect(again.identity.read()).toMatchObject({ name: "signed-in", me: { user: { id: "dev-Anna" } } });
});

test("a development token is used again while it lasts, and renewed before the server warns", async () => {
  using setting = createSetting();
  await setting.identity.start();
  await setting.identity.useName("Anna");
  const first = await setting.identity.authorize();
  setting.clock.nowMs += setting.server.lifetimeMs - 91_000;
  expect(await setting.identity.authorize()).toBe(first);
  setting.clock.nowMs += 2_000;
  const both = await Promise.all([setting.identity.authorize(), setting.identity.authorize()]);
  expect(both[0]).not.toBe(first);
  expect(both[1]).toBe(both[0]);
});

test("a cookie of a sign-in is enough by itself", async () => {
  using setting = createSetting({ methods: { signIn: "/auth/login", givesTokens: false }, cookie: "mira" });
  await setting.identity.start();
  expect(setting.identity.read()).toMatchObject({ name: "signed-in", how: "session", me: { user: { id: "mira" } } });
  expect(await setting.identity.authorize()).toBeNull();
});

test("a token that was pasted counts before the cookie, for this tab", async () => {
  const methods = { signIn: "/auth/login", givesTokens: false };
  using setting = createSetting({ methods, cookie: "mira", tokens: new Map([["secret", "root"]]) });
  await setting.identity.start();
  await setting.identity.useToken("secret");
  expect(await setting.identity.authorize()).toBe("secret");
  expect(localStorage.length).toBe(0);
  using again = createSetting({ methods, cookie: "mira", tokens: setting.server.tokens });
  await again.identity.start();
  expect(again.identity.read()).toMatchObject({ how: "token", me: { user: { id: "root" } } });
});

test("a token that the server does not take signs nobody in, and is not kept", async () => {
  using setting = createSetting();
  await setting.identity.start();
  await expect(setting.identity.useToken("wrong")).rejects.toMatchObject({ code: "AUTH_INVALID" });
  expect(setting.identity.read().name).toBe("signed-out");
  expect(sessionStorage.length).toBe(0);
});

test("a pasted token that has ended since is forgotten at the next start, and said", async () => {
  sessionStorage.setItem("parley.token", "old");
  using setting = createSetting();
  await setting.identity.start();
  expect(setting.identity.read()).toMatchObject({ name: "signed-out", reason: "refused" });
  expect(sessionStorage.length).toBe(0);
});

test("a server that is away is asked again until it answers", async () => {
  using setting = createSetting({
    isAway: true,
    cookie: "mira",
    methods: { signIn: "/auth/login", givesTokens: false },
  });
  const started = setting.identity.start();
  await expect.poll(() => setting.server.asked.length).toBeGreaterThan(2);
  expect(setting.identity.read()).toMatchObject({ name: "unreachable", error: { code: "UNREACHABLE" } });
  setting.server.isAway = false;
  await started;
  expect(setting.identity.read().name).toBe("signed-in");
});

test("a sign-in that the server no longer knows has ended: who it was stays known", async () => {
  using setting = createSetting({ cookie: "mira", methods: { signIn: "/auth/login", givesTokens: false } });
  await setting.identity.start();
  setting.server.cookie = undefined;
  await setting.identity.check();
  expect(setting.identity.read()).toMatchObject({ name: "ended", me: { user: { id: "mira" } } });
  await expect(setting.identity.authorize()).rejects.toMatchObject({ status: 401 });
});

test("a server that cannot be asked ends no sign-in", async () => {
  using setting = createSetting({ cookie: "mira", methods: { signIn: "/auth/login", givesTokens: false } });
  await setting.identity.start();
  setting.server.isAway = true;
  await setting.identity.check();
  expect(setting.identity.read().name).toBe("signed-in");
});

test("a development token that is refused is replaced before anybody is asked", async () => {
  using setting = createSetting();
  await setting.identity.start();
  await setting.identity.useName("Anna");
  setting.server.tokens.clear();
  await setting.identity.check();
  expect(setting.identity.read().name).toBe("signed-in");
});

test("many refusals at once ask the server once", async () => {
  using setting = createSetting({ cookie: "mira", methods: { signIn: "/auth/login", givesTokens: false } });
  await setting.identity.start();
  const before = setting.server.asked.length;
  await Promise.all([setting.identity.check(), setting.identity.check(), setting.identity.check()]);
  expect(setting.server.asked.length - before).toBe(1);
});

test("signing out leaves nothing of this person but the settings", async () => {
  using setting = createSetting();
  await setting.identity.start();
  await setting.identity.useName("Anna");
  localStorage.setItem("parley.draft.c1", "half a secret");
  localStorage.setItem("parley.settings", "{}");
  localStorage.setItem("other.site", "x");
  await setting.identity.signOut();
  expect(setting.identity.read()).toMatchObject({ name: "signed-out", reason: "signed-out" });
  expect(Object.keys(localStorage).toSorted()).toEqual(["other.site", "parley.settings"]);
});

test("who cannot be signed out at the server stays signed in, and is told", async () => {
  using setting = createSetting({ cookie: "mira", methods: { signIn: "/auth/login", givesTokens: false } });
  await setting.identity.start();
  setting.server.isAway = true;
  await expect(setting.identity.signOut()).rejects.toMatchObject({ code: "UNREACHABLE" });
  expect(setting.identity.read().name).toBe("signed-in");
});

test("a storage that is forbidden costs the memory of who it was, and nothing else", async () => {
  const { createKeptIdentity } = await import("../../src/identity/kept-identity.ts");
  const kept = createKeptIdentity({ session: undefined, local: undefined }, "parley.settings");
  kept.keepName("Anna");
  expect(kept.name()).toBe("Anna");
  kept.forget();
  expect(kept.name()).toBeUndefined();
});

test.each([
  ["Anna Müller", "dev-anna-müller"],
  ["  ??  ", "dev-nobody"],
  ["李雷", "dev-李雷"],
  ["a".repeat(200), `dev-${"a".repeat(124)}`],
])("the development user of %o is %s", (name, id) => {
  expect(developmentIdOf(name)).toBe(id);
});
