import { createECDH, randomBytes } from "node:crypto";
import { limits } from "@parley/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

const keys = {
  p256dh: createECDH("prime256v1").generateKeys("base64url"),
  auth: randomBytes(16).toString("base64url"),
};
const push = { publicKey: keys.p256dh, hosts: ["*.push.example.org"] };

beforeAll(async () => {
  world = await createWorld();
  [edge, other] = [await world.addEdge({ push, noticeDelayMs: 5_000 }), await world.addEdge({ push })];
});
afterAll(() => world[Symbol.asyncDispose]());

const path = "/api/v1/notices";
const browser = (name: string, more: object = {}) => ({
  endpoint: `https://a.push.example.org/${name}`,
  keys,
  ...more,
});
const add = (user: string, body: object) => ask(edge, "POST", `${path}/devices`, { user, body });
const choiceOf = async (user: string, at = edge) => (await ask(at, "GET", path, { user })).body;

it("begins with what addresses one, on no device, and says whether anybody is told at all", async () => {
  expect(await choiceOf("new")).toEqual({ enabled: true, wants: "addressed", push_key: keys.p256dh, devices: [] });
  expect(await choiceOf("new", other)).toMatchObject({ enabled: false });
});

it("what is chosen holds on every edge, for who chose it alone", async () => {
  const { status, body } = await ask(edge, "PUT", path, { user: "ann", body: { wants: "none" } });
  expect([status, body.wants]).toEqual([200, "none"]);
  expect((await choiceOf("ann", other)).wants).toBe("none");
  expect((await choiceOf("bob")).wants).toBe("addressed");
  expect((await ask(edge, "PUT", path, { user: "ann", body: { wants: "some" } })).status).toBe(400);
});

it("a browser is there once however often it comes, is shown without its address, and goes when its user says so", async () => {
  expect((await add("cy", browser("cy1", { name: "Chrome" }))).status).toBe(201);
  const { body } = await add("cy", browser("cy1", { name: "Chrome", language: "de" }));
  expect(body.devices).toEqual([
    {
      id: expect.stringMatching(/^d_[\w-]{22}$/),
      name: "Chrome",
      added_at: expect.any(Number),
      seen_at: expect.any(Number),
    },
  ]);
  expect(JSON.stringify(body)).not.toContain("push.example.org");
  const { id } = body.devices[0];
  const [kept] = (await world.bus.noticeRecords.of("cy")).devices;
  expect(kept).toMatchObject({ id, language: "de", p256dh: keys.p256dh, token_hash: expect.any(String) });
  expect((await ask(edge, "DELETE", `${path}/devices/${id}`, { user: "bob" })).status).toBe(204);
  expect((await choiceOf("cy")).devices).toHaveLength(1);
  for (let times = 0; times < 2; times++)
    expect((await ask(other, "DELETE", `${path}/devices/${id}`, { user: "cy" })).status).toBe(204);
  expect((await choiceOf("cy")).devices).toEqual([]);
});

it("one more than there may be takes the place of the one that was not seen for longest", async () => {
  for (let n = 0; n < limits.noticeDevices; n++) await add("di", browser(`di${n}`, { name: `${n}` }));
  await world.bus.noticeRecords.change("di", (choice) => ({
    ...choice,
    devices: choice.devices.map((device) => (device.name === "3" ? { ...device, seen_at: 1 } : device)),
  }));
  const { body } = await add("di", browser("more", { name: "more" }));
  const names = body.devices.map(({ name }: { name: string }) => name);
  expect(names).toHaveLength(limits.noticeDevices);
  expect(names).toContain("more");
  expect(names).not.toContain("3");
});

it("two devices that come at once on two edges are both there", async () => {
  const at = [edge, other];
  await Promise.all(
    [0, 1, 2, 3].map((n) => ask(at[n % 2] ?? edge, "POST", `${path}/devices`, { user: "ed", body: browser(`ed${n}`) })),
  );
  expect((await choiceOf("ed")).devices).toHaveLength(4);
});

it.each([
  ["an address in our network", { ...browser("x"), endpoint: "https://127.0.0.1/x" }],
  ["another service", { ...browser("x"), endpoint: "https://push.evil.example/x" }],
  ["no TLS", { ...browser("x"), endpoint: "http://a.push.example.org/x" }],
  ["a script", { ...browser("x"), endpoint: "javascript:alert(1)" }],
  ["no keys", { ...browser("x"), keys: { p256dh: "AAAA", auth: "AAAA" } }],
  ["no address", { keys }],
])("takes no browser with %s", async (_what, body) => {
  expect(await add("fay", body)).toMatchObject({ status: 400, body: { code: "INVALID_FRAME" } });
  expect((await choiceOf("fay")).devices).toEqual([]);
});

it("where browsers are sent nothing it says so", async () => {
  const without = await world.addEdge({ noticeDelayMs: 5_000 });
  expect(await choiceOf("gil", without)).toEqual({ enabled: true, wants: "addressed", devices: [] });
  const { status, body } = await ask(without, "POST", `${path}/devices`, { user: "gil", body: browser("gil") });
  expect([status, body.code]).toEqual([400, "UNSUPPORTED"]);
});
