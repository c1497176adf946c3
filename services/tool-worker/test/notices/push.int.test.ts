import { randomUUID } from "node:crypto";
import { connectRedis, createNoticeQueue, openBus, type Bus, type NoticeQueue } from "@parley/bus";
import type { NoticeDevice } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, signedIn, startNats, startRedis, startService, type Broker, type Service } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { vapidKeyOf } from "../../src/notices/vapid.ts";
import {
  startSimulatedPushService,
  type SimulatedDevice,
  type SimulatedPushService,
} from "../support/simulated-push-service.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const vapid = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

let nats: Broker;
let redisServer: Broker;
let redis: ReturnType<typeof connectRedis>;
let pushes: SimulatedPushService;
let queue: NoticeQueue;
/** With the rights of an edge. */
let bus: Bus;

beforeAll(async () => {
  [nats, redisServer, pushes] = await Promise.all([
    startNats(),
    startRedis({ persist: false }),
    startSimulatedPushService(),
  ]);
  redis = connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log });
  await eventually(() => redis.status === "ready", { what: "Redis" });
  queue = createNoticeQueue({ redis, log });
  bus = await openBus({ servers: signedIn(nats.url, "edge"), name: "edge", log });
  await bus.gate.setUp();
}, 60_000);
afterAll(async () => {
  redis.disconnect();
  await bus.close();
  for (const one of [pushes, nats, redisServer]) await one[Symbol.asyncDispose]();
});

const startWorker = (env: Record<string, string> = {}): Promise<Service> =>
  startService("tool-worker", {
    ...{ NATS_URL: signedIn(nats.url, "tool"), REDIS_URL: signedIn(redisServer.url, "tool"), LOG_LEVEL: "warn" },
    ...{ LOCK_MS: "1500", STALLED_CHECK_MS: "300" },
    ...{ VAPID_PRIVATE_KEY: vapid, VAPID_SUBJECT: "mailto:ops@example.org", PUSH_HOSTS: pushes.origin, ...env },
  });

const named = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`;

const notice = (user_id: string, more: { readonly title?: string; readonly tenant?: string } = {}) => ({
  notice: {
    ...{ type: "mention" as const, user_id, conversation_id: "c1", message_id: "t1-u", at: Date.now() },
    ...{ by: { id: "ann", name: "Ann" }, ...more },
  },
});

function deviceOf({ name, subscription }: SimulatedDevice, more: Partial<NoticeDevice> = {}): NoticeDevice {
  const { endpoint, keys } = subscription;
  return { id: name, endpoint, ...keys, added_at: Date.now(), seen_at: Date.now(), issued_ms: Date.now(), ...more };
}

const have = (user: string, devices: readonly NoticeDevice[], wants = "addressed"): Promise<unknown> =>
  bus.noticeRecords.change(user, () => ({ wants, devices }));

async function counted({ adminPort }: Service, result: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const lines = text.split("\n").filter((one) => one.startsWith("parley_tool_notices_total{"));
  const found = lines.filter((one) => one.includes(`result="${result}"`));
  return found.reduce((sum, one) => sum + Number(one.split(" ").at(-1)), 0);
}

const untilCounted = (worker: Service, result: string, count = 1): Promise<unknown> =>
  eventually(async () => (await counted(worker, result)) >= count, { what: `${count} ${result}`, timeoutMs: 30_000 });

it(
  "a notice goes to each device of its user, sealed for it and signed for its service",
  { timeout: 60_000 },
  async () => {
    await using worker = await startWorker();
    const bert = named("bert");
    const [phone, desk] = [await pushes.device(named("phone")), await pushes.device(named("desk"))];
    await have(bert, [deviceOf(phone, { language: "de" }), deviceOf(desk)]);
    await queue.add(notice(bert, { title: "Brakes" }), 0);
    const [[one], [other]] = [await pushes.until(phone.name), await pushes.until(desk.name)];
    expect(one?.by).toEqual({ key: vapidKeyOf(vapid)?.publicKey, subject: "mailto:ops@example.org" });
    expect(one?.shown).toEqual({
      ...{ v: 1, id: expect.stringMatching(/^ntc_/), type: "mention", conversation_id: "c1", at: expect.any(Number) },
      ...{ title: "Brakes", by: "Ann", language: "de" },
    });
    expect(other?.shown).not.toHaveProperty("language");
    expect(other?.shown["id"]).toBe(one?.shown["id"]);
    expect(Number(one?.headers["ttl"])).toBeLessThanOrEqual(3_600);
    expect(String(one?.headers["topic"])).toMatch(/^[\w-]{1,32}$/);
    await untilCounted(worker, "push_sent", 2);
    // Made again it is no new one.
    await queue.add(notice(bert), 0);
    const last = named("last");
    await have(last, [deviceOf(desk)]);
    await queue.add(notice(last), 0);
    await pushes.until(desk.name, 2);
    expect(pushes.to(phone.name)).toHaveLength(1);
  },
);

it("what one device does not take is tried again for it alone", { timeout: 60_000 }, async () => {
  await using worker = await startWorker();
  const bert = named("bert");
  const [good, bad] = [await pushes.device(named("good")), await pushes.device(named("bad"))];
  pushes.state.of.set(bad.name, 503);
  await have(bert, [deviceOf(good), deviceOf(bad)]);
  await queue.add(notice(bert), 0);
  await pushes.until(bad.name, 2);
  pushes.state.of.delete(bad.name);
  await pushes.until(bad.name, 3, 30_000);
  await untilCounted(worker, "push_sent", 2);
  expect(pushes.to(good.name)).toHaveLength(1);
});

it.each([404, 410])(
  "a device of which the service says %i is forgotten, and no other",
  { timeout: 60_000 },
  async (status) => {
    await using worker = await startWorker();
    const bert = named("bert");
    const [gone, there] = [await pushes.device(named("gone")), await pushes.device(named("there"))];
    pushes.state.of.set(gone.name, status);
    await have(bert, [deviceOf(gone), deviceOf(there)]);
    await queue.add(notice(bert), 0);
    await untilCounted(worker, "push_gone");
    await eventually(async () => (await bus.noticeRecords.of(bert)).devices.length === 1, {
      what: "it to be forgotten",
    });
    expect((await bus.noticeRecords.of(bert)).devices[0]?.id).toBe(there.name);
  },
);

it(
  "a worker that is killed before the service has answered leaves the message to another one",
  { timeout: 60_000 },
  async () => {
    const first = await startWorker();
    const bert = named("bert");
    const phone = await pushes.device(named("phone"));
    pushes.state.of.set(phone.name, 0);
    await have(bert, [deviceOf(phone)]);
    await queue.add(notice(bert), 0);
    await pushes.until(phone.name);
    await first.kill("SIGKILL");
    pushes.state.of.delete(phone.name);
    await using worker = await startWorker();
    const [one, again] = await pushes.until(phone.name, 2, 30_000);
    // By both the browser shows it once.
    expect(again?.shown["id"]).toBe(one?.shown["id"]);
    expect(again?.headers["topic"]).toBe(one?.headers["topic"]);
    await untilCounted(worker, "push_sent");
    await first[Symbol.asyncDispose]();
  },
);

it(
  "nobody is told who wants nothing, and of what addresses nobody only who wants all",
  { timeout: 60_000 },
  async () => {
    await using worker = await startWorker();
    const [none, some, all] = [named("none"), named("some"), named("all")];
    const phones = await Promise.all([none, some, all].map((name) => pushes.device(name)));
    const [one, two, three] = phones.map((phone) => deviceOf(phone));
    if (one === undefined || two === undefined || three === undefined) throw new Error("no devices");
    await have(none, [one], "none");
    await have(some, [two], "addressed");
    await have(all, [three], "all");
    const post = (user: string) => ({ notice: { ...notice(user).notice, type: "message" as const } });
    await queue.add(notice(none), 0);
    await queue.add(post(some), 0);
    await queue.add(post(all), 0);
    await pushes.until(all);
    await untilCounted(worker, "unwanted", 2);
    expect([...pushes.to(none), ...pushes.to(some)]).toEqual([]);
  },
);

it.each([
  ["the sign-in", { session: "web:s1" }, { what: "session" as const, id: "web:s1" }],
  ["the token", { token_id: "j1" }, { what: "token" as const, id: "j1" }],
  ["the token, by its hash,", { token_hash: "h1" }, { what: "token" as const, id: "h1" }],
])(
  "a device is told nothing, and forgotten, when %s that it came with was revoked",
  { timeout: 60_000 },
  async (_what, held, thing) => {
    await using worker = await startWorker();
    const bert = named("bert");
    const [out, still] = [await pushes.device(named("out")), await pushes.device(named("still"))];
    await have(bert, [deviceOf(out, held), deviceOf(still)]);
    const record = { v: 1, ...thing, user: bert, until_ms: Date.now() + 60_000, by: "ops", ts: Date.now() };
    await bus.gate.put(
      { ...thing, user: bert },
      () => record,
      () => false,
    );
    await queue.add(notice(bert), 0);
    await pushes.until(still.name);
    await untilCounted(worker, "push_revoked");
    expect(pushes.to(out.name)).toEqual([]);
    expect((await bus.noticeRecords.of(bert)).devices.map(({ id }) => id)).toEqual([still.name]);
  },
);

it(
  "what was there when all of a user was revoked is told nothing, what came since is",
  { timeout: 60_000 },
  async () => {
    await using worker = await startWorker();
    const bert = named("bert");
    const [old, later] = [await pushes.device(named("old")), await pushes.device(named("later"))];
    const thing = { what: "user" as const, id: bert };
    const nowMs = Date.now();
    const record = { v: 1, ...thing, before_ms: nowMs, until_ms: nowMs + 60_000, by: "ops", ts: nowMs };
    await bus.gate.put(
      thing,
      () => record,
      () => false,
    );
    await have(bert, [deviceOf(old, { issued_ms: nowMs - 1_000 }), deviceOf(later, { issued_ms: nowMs + 1_000 })]);
    await queue.add(notice(bert), 0);
    await pushes.until(later.name);
    await untilCounted(worker, "push_revoked");
    expect(pushes.to(old.name)).toEqual([]);
  },
);

it("a device that was added in another tenant hears nothing of this one", { timeout: 60_000 }, async () => {
  await using worker = await startWorker();
  const bert = named("bert");
  const [here, elsewhere] = [await pushes.device(named("here")), await pushes.device(named("elsewhere"))];
  await have(bert, [deviceOf(here, { tenant: "acme" }), deviceOf(elsewhere, { tenant: "other" })]);
  await queue.add(notice(bert, { tenant: "acme" }), 0);
  await pushes.until(here.name);
  await untilCounted(worker, "push_sent");
  expect(pushes.to(elsewhere.name)).toEqual([]);
});

it(
  "addresses and keys that somebody made up are sent nothing, follow nowhere and cost nobody else a notice",
  { timeout: 90_000 },
  async () => {
    await using worker = await startWorker({ PUSH_HOSTS: `${pushes.origin},*` });
    const bert = named("bert");
    const good = await pushes.device(named("good"));
    const [moved, refused] = [await pushes.device(named("moved")), await pushes.device(named("refused"))];
    pushes.state.of.set(moved.name, 307);
    pushes.state.of.set(refused.name, 403);
    const { endpoint: _, ...keys } = deviceOf(good);
    const at = (endpoint: string, id: string): NoticeDevice => ({ ...keys, endpoint, id });
    const hostile = [
      at("https://127.0.0.1/x", "h1"),
      at("https://localhost/x", "h2"),
      at("https://169.254.169.254/latest", "h3"),
      at("http://127.0.0.1:1/x", "h4"),
      { ...deviceOf(good), id: "h5", p256dh: Buffer.alloc(65, 4).toString("base64url") },
      deviceOf(moved),
      deviceOf(refused),
    ];
    await have(bert, [...hostile, deviceOf(good)]);
    await queue.add(notice(bert), 0);
    await pushes.until(good.name);
    // Plain HTTP elsewhere and a key that is none: gone at once. A refusal is not tried again.
    await untilCounted(worker, "push_gone", 2);
    await untilCounted(worker, "push_given_up");
    await eventually(async () => (await bus.noticeRecords.of(bert)).devices.length === 6, {
      what: "two to be forgotten",
    });
    expect(pushes.to(good.name)).toHaveLength(1);
    expect(pushes.to(refused.name)).toHaveLength(1);
  },
);

it("a title of any length fits", { timeout: 60_000 }, async () => {
  await using _worker = await startWorker();
  const bert = named("bert");
  const phone = await pushes.device(named("phone"));
  await have(bert, [deviceOf(phone)]);
  await queue.add(notice(bert, { title: "\u{1F600}".repeat(3_000) }), 0);
  const [one] = await pushes.until(phone.name);
  expect(String(one?.shown["title"])).toMatch(/^\p{Emoji}+.?…$/u);
});
