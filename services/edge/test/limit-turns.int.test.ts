import { createOpenTurns } from "@parley/bus";
import { createMetrics } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTokens } from "../src/admission/tokens.ts";
import { jwtSecret, log, type EdgeUnderTest } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { createLimitedWorld, refusalsBy, type LimitedWorld } from "./support/limited-world.ts";
import { connectClient, type TestClient } from "./support/test-client.ts";

/** Whose tokens name a tenant. */
const tokens = startTokens({
  sharedSecret: { secret: jwtSecret, rules: { tenant: { claim: ["org"] } } },
  registry: createMetrics({ service: "edge" }),
  log,
});

async function connectAs(edge: EdgeUnderTest, user: string, org: string): Promise<TestClient> {
  const client = await connectClient(edge.url);
  const token = new SignJWT({ org }).setProtectedHeader({ alg: "HS256" }).setSubject(user).setExpirationTime("1h");
  client.send({ type: "auth", token: await token.sign(Buffer.from(jwtSecret)) });
  await client.next("auth_success");
  return client;
}

type Answer = { readonly code: string; readonly retryAfterMs?: number | undefined };

describe("messages", () => {
  let world: LimitedWorld;
  let sent = 0;

  beforeAll(async () => {
    world = await createLimitedWorld();
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  /** What a message is answered with. */
  async function say(client: TestClient, more: object = {}): Promise<Answer> {
    const id = `m${sent++}`;
    client.send({ type: "message", id, message: "hello", ...more });
    const own = "id" in more ? more.id : id;
    return eventually(
      () => {
        const frame = client.frames.findLast((one) => "id" in one && one.id === own && one.type !== "message");
        if (frame?.type === "accepted") return { code: "accepted" };
        if (frame?.type !== "error") return undefined;
        return { code: frame.code, retryAfterMs: frame.retry_after_ms };
      },
      { what: "an answer" },
    );
  }

  async function sayMany(client: TestClient, count: number): Promise<string[]> {
    const codes: string[] = [];
    for (let i = 0; i < count; i++) codes.push((await say(client)).code);
    return codes;
  }

  const accepted = (count: number): string[] => Array.from({ length: count }, () => "accepted");

  it("of one user are so many in a minute on all edges together, exactly", async () => {
    const rows = { turns_per_user: { rate: 5, burst: 5 } };
    const [one, other] = [await world.limited(rows), await world.limited(rows)];
    const [here, there] = [await world.connect(one, "anna"), await world.connect(other, "anna")];
    expect(await sayMany(here, 3)).toEqual(accepted(3));
    expect(await sayMany(there, 3)).toEqual([...accepted(2), "RATE_LIMITED"]);
    const { code, retryAfterMs = 0 } = await say(here);
    expect(code).toBe("RATE_LIMITED");
    expect(retryAfterMs).toBeGreaterThan(50_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(await refusalsBy(one, "turns_per_user")).toBe(1);
    expect((await say(await world.connect(one, "ben"))).code).toBe("accepted");
  });

  it("that are sent again are not counted twice", async () => {
    const edge = await world.limited({ turns_per_user: { rate: 2, burst: 2 } });
    const client = await world.connect(edge, "cora");
    const again = { id: "same", conversation_id: "c-cora" };
    expect((await say(client, again)).code).toBe("accepted");
    for (let i = 0; i < 4; i++) expect((await say(client, again)).code).toBe("accepted");
    await eventually(async () => (await say(client)).code === "accepted", { what: "another one", timeoutMs: 2_000 });
    expect((await say(client)).code).toBe("RATE_LIMITED");
  });

  it("over HTTP are counted the same", async () => {
    const edge = await world.limited({ turns_per_user: { rate: 1, burst: 1 } });
    expect((await say(await world.connect(edge, "dirk"))).code).toBe("accepted");
    const { status, body, headers } = await ask(edge, "POST", "/api/v1/chat", { user: "dirk", body: { message: "x" } });
    expect([status, body.code, body.retryable]).toEqual([429, "RATE_LIMITED", true]);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(50);
  });

  it("that wait or run are no more than a user may have, over all edges; each that ends makes room", async () => {
    const rows = { open_turns_per_user: 3 };
    const [one, other] = [await world.limited(rows), await world.limited(rows)];
    const [here, there] = [await world.connect(one, "emma"), await world.connect(other, "emma")];
    expect(await sayMany(here, 2)).toEqual(accepted(2));
    expect(await sayMany(there, 2)).toEqual(["accepted", "RATE_LIMITED"]);
    const { conversation_id: conversation, turn_id: turn } = await here.next("accepted");
    await createOpenTurns({ redis: world.own }).remove({ conversation, turn, user: "emma" });
    expect(await sayMany(there, 2)).toEqual(["accepted", "RATE_LIMITED"]);
  });

  it("whose worker died before it could tell their end do not take room for long", async () => {
    const edge = await world.limited({ open_turns_per_user: 1 });
    const client = await world.connect(edge, "fay");
    expect(await sayMany(client, 1)).toEqual(accepted(1));
    const { conversation_id, turn_id } = await client.next("accepted");
    await world.worker.take(conversation_id, turn_id).complete("done");
    expect(await sayMany(client, 2)).toEqual(["accepted", "RATE_LIMITED"]);
  });

  it("that were counted and never queued, as the broker went away in between, do not take room for long", async () => {
    const edge = await world.limited({ open_turns_per_user: 1 });
    const openTurns = createOpenTurns({ redis: world.own });
    const never = { conversation: "c_never", turn: "never", user: "fay-2" };
    expect(await openTurns.add(never, { perUser: 1, perTenant: 1 })).toBe("added");
    const client = await world.connect(edge, "fay-2");
    expect(await sayMany(client, 2)).toEqual(["accepted", "RATE_LIMITED"]);
  });

  it("that have ended while Redis is gone do not take room for long", async () => {
    const edge = await world.limited({ open_turns_per_user: 1 });
    const client = await world.connect(edge, "fred");
    world.proxy.sever();
    expect(await sayMany(client, 2)).toEqual(["accepted", "RATE_LIMITED"]);
    const other = await world.connect(edge, "gus");
    expect(await sayMany(other, 1)).toEqual(accepted(1));
    const { conversation_id, turn_id } = await other.next("accepted");
    await world.worker.take(conversation_id, turn_id).complete("done");
    expect(await sayMany(other, 1)).toEqual(accepted(1));
    world.proxy.heal();
  });

  it("that are refused for another reason take no room", async () => {
    const edge = await world.limited({ open_turns_per_user: 10 });
    const client = await world.connect(edge, "gil");
    const place = { conversation_id: "c-gil" };
    for (let i = 0; i < 8; i++) expect((await say(client, place)).code).toBe("accepted");
    for (let i = 0; i < 8; i++) expect((await say(client, place)).code).toBe("QUEUE_FULL");
    const open = createOpenTurns({ redis: world.own });
    await eventually(async () => (await open.count({ user: "gil" })) === 8, { what: "eight are counted" });
  });

  it("of all users of a tenant are counted together", async () => {
    const edge = await world.limited({ turns_per_tenant: { rate: 3, burst: 3 }, open_turns_per_tenant: 2 }, { tokens });
    const one = await connectAs(edge, "hal", "acme");
    const other = await connectAs(edge, "ida", "acme");
    expect(await sayMany(one, 1)).toEqual(accepted(1));
    expect(await sayMany(other, 2)).toEqual(["accepted", "RATE_LIMITED"]);
    expect(await refusalsBy(edge, "open_turns_per_tenant")).toBe(1);
    expect(await sayMany(one, 1)).toEqual(["RATE_LIMITED"]);
    expect(await refusalsBy(edge, "turns_per_tenant")).toBe(1);
    expect(await sayMany(await connectAs(edge, "jan", "other"), 1)).toEqual(accepted(1));
  });

  it("begin so many conversations in an hour, and what is refused leaves no record of one", async () => {
    const rows = { new_conversations_per_user: { rate: 3, burst: 3 } };
    const [one, other] = [await world.limited(rows), await world.limited(rows)];
    const [here, there] = [await world.connect(one, "kim"), await world.connect(other, "kim")];
    expect(await sayMany(here, 2)).toEqual(accepted(2));
    expect((await say(there, { conversation_id: "kims-third" })).code).toBe("accepted");
    await eventually(async () => (await say(here)).code === "RATE_LIMITED", { what: "no more here" });
    expect((await say(here, { conversation_id: "kims-fourth" })).code).toBe("RATE_LIMITED");
    expect(await world.bus.owners.ownerOf("kims-fourth")).toBeUndefined();
    expect((await say(here, { conversation_id: "kims-third" })).code).toBe("accepted");
  });

  it("of one conversation are so many and no more; another one may be begun", async () => {
    const edge = await world.limited({ messages_per_conversation: 2 });
    const client = await world.connect(edge, "lea");
    const place = { conversation_id: "c-lea" };
    expect((await say(client, { ...place, id: "first" })).code).toBe("accepted");
    expect((await say(client, { ...place, id: "first" })).code).toBe("accepted");
    await eventually(async () => (await say(client, { ...place, id: "second" })).code === "accepted", { what: "two" });
    await eventually(async () => (await say(client, place)).code === "QUOTA_EXCEEDED", { what: "full" });
    expect((await say(client)).code).toBe("accepted");
  });

  it("that came before are told so, also where there is room for no more", async () => {
    const edge = await world.limited({ messages_per_conversation: 1 });
    const client = await world.connect(edge, "mia");
    const twice = async (id: string): Promise<string[]> => {
      const answers = () =>
        client.frames.flatMap((frame) =>
          "id" in frame && frame.id === id && (frame.type === "accepted" || frame.type === "error")
            ? [frame.type === "error" ? frame.code : frame.type]
            : [],
        );
      for (const count of [1, 2]) {
        client.send({ type: "message", id, message: "hello", conversation_id: "c-mia" });
        await eventually(() => answers().length === count, { what: "an answer" });
      }
      return answers();
    };
    expect(await twice("first")).toEqual(["accepted", "accepted"]);
    expect(await twice("second")).toEqual(["QUOTA_EXCEEDED", "QUOTA_EXCEEDED"]);
  });

  it("wait for a slow Redis once, for a moment, and each edge counts for itself until it is back", async () => {
    const edge = await world.limited({ turns_per_user: { rate: 3, burst: 3 } }, { redisDeadlineMs: 100 });
    const client = await world.connect(edge, "max");
    world.proxy.stall();
    const begunMs = performance.now();
    expect(await sayMany(client, 4)).toEqual([...accepted(3), "RATE_LIMITED"]);
    expect(performance.now() - begunMs).toBeLessThan(2_000);
    world.proxy.heal();
  });

  it("are taken while Redis is gone", async () => {
    const edge = await world.limited({ open_turns_per_user: 3 });
    const client = await world.connect(edge, "nia");
    world.proxy.sever();
    expect(await sayMany(client, 4)).toEqual([...accepted(3), "RATE_LIMITED"]);
    world.proxy.heal();
  });
});
