import { randomUUID } from "node:crypto";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { request } from "./support/http-client.ts";
import { createRedisWorld, type RedisWorld } from "./support/redis.ts";

let world: World;
let redis: RedisWorld;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  [world, redis] = await Promise.all([createWorld(), createRedisWorld()]);
  const connect = async () => world.addEdge({ redis: await redis.connect() });
  [edge, other] = [await connect(), await connect()];
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** A stream of which the first bytes have come, so that it has begun. */
async function open(on: EdgeUnderTest, method: string, path: string, body?: object) {
  const leaving = new AbortController();
  const response = await request(on, method, path, { ...(body && { body }), signal: leaving.signal });
  expect(response.status).toBe(200);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader?.read())?.value ?? "";
  return {
    run: response.headers.get("x-workflow-run-id") ?? "",
    leave: () => leaving.abort(),
    /** Undefined: it was cut. */
    async rest(): Promise<string | undefined> {
      for (;;) {
        const read = await reader?.read().catch(() => undefined);
        if (read === undefined) return undefined;
        if (read.done) return text;
        text += read.value;
      }
    },
  };
}

/** A chat whose answer is in the hands of the test. */
async function begin(on = edge) {
  const id = `chat-${randomUUID()}`;
  const path = `/api/ai/chat/${id}/stream`;
  const messages = [{ id: "m1", role: "user", parts: [{ type: "text", text: "why?" }] }];
  const stream = await open(on, "POST", "/api/ai/chat", { id, messages });
  const [, conversation = "", turn = ""] = stream.run.split(".");
  const answer = world.worker.take(conversation, turn);
  await answer.token("Because");
  const key = `requests:cut-streams:${turn}`;
  const store = await redis.connect();
  return {
    stream,
    answer,
    resume: (at = edge) => open(at, "GET", path),
    status: async (at = edge) => (await request(at, "GET", path)).status,
    /** Waits until so many streams of the turn are known not to have come to their end. */
    left: (count: number) =>
      eventually(async () => (await store.zcount(key, Date.now() + 120_000, "+inf")) === count, {
        what: `${count} streams that have not ended`,
      }),
    /** As if the time was over in which a replay may be had again. */
    async later() {
      await store.zremrangebyscore(key, "-inf", Date.now() + 120_000);
    },
  };
}

const whole = /"delta":"Because"[^]*data: \[DONE\]\n\n$/;

describe("an answer that has ended", () => {
  it("is nothing to resume for a client that has all of it", async () => {
    const { stream, answer, status, left } = await begin();
    await answer.complete("Because");
    expect(await stream.rest()).toMatch(whole);
    await left(0);
    expect([await status(), await status(other)]).toEqual([204, 204]);
  });

  it("is replayed, on any edge, where a client was cut before its end, and not for ever", async () => {
    const { stream, answer, resume, status, left, later } = await begin();
    stream.leave();
    await left(1);
    await answer.complete("Because");
    // Whoever is quicker: a page in another tab, and the one that was cut.
    for (const at of [other, edge]) expect(await (await resume(at)).rest()).toMatch(whole);
    await left(0);
    await later();
    expect(await status()).toBe(204);
  });

  it("is replayed for each of those that were cut, also when another one had all of it", async () => {
    const { stream, answer, resume, status, left, later } = await begin();
    const [second, third] = [await resume(), await resume(other)];
    await left(3);
    stream.leave();
    third.leave();
    await answer.complete("Because");
    expect(await second.rest()).toMatch(whole);
    for (const others of [1, 0]) {
      expect(await (await resume()).rest()).toMatch(whole);
      await left(others);
      await later();
    }
    expect(await status()).toBe(204);
  });

  it("is replayed when the edge has left in the middle of it", async () => {
    const leaving = await world.addEdge({ redis: await redis.connect() });
    const { stream, answer, resume, status, left, later } = await begin(leaving);
    await leaving.stop();
    expect(await stream.rest()).toBeUndefined();
    await answer.complete("Because");
    expect(await (await resume()).rest()).toMatch(whole);
    await left(0);
    await later();
    expect(await status()).toBe(204);
  });

  it("is not replayed where there is no Redis", async () => {
    const alone = await world.addEdge();
    const { stream, answer, status } = await begin(alone);
    stream.leave();
    await answer.complete("Because");
    await eventually(async () => (await status(alone)) === 204, { what: "nothing to resume" });
  });
});
