import { randomUUID } from "node:crypto";
import { Quotas } from "@parley/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { createRedisWorld, type RedisWorld } from "./support/redis.ts";

let world: World;
let redis: RedisWorld;
let limited: EdgeUnderTest;
let free: EdgeUnderTest;

beforeAll(async () => {
  [world, redis] = await Promise.all([createWorld(), createRedisWorld()]);
  const quotas = Quotas.parse({ tokens_per_user: { per_day: 5_000 }, tokens_per_tenant: { per_month: 9_000 } });
  limited = await world.addEdge({ redis: await redis.connect(), callerQuotas: () => quotas });
  const ofTenants = Quotas.parse({ tokens_per_tenant: { per_month: 9_000 } });
  free = await world.addEdge({ redis: await redis.connect(), callerQuotas: () => ofTenants });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function answered(edge: EdgeUnderTest) {
  const user = `u${randomUUID()}`;
  const conversation_id = `c_${randomUUID()}`;
  const [asking, looking] = [await world.connect(edge, user), await world.connect(edge, user)];
  looking.send({ type: "subscribe", conversation_id });
  asking.send({ type: "message", id: "m1", conversation_id, message: "hi" });
  const { turn_id } = await asking.next("accepted");
  await world.worker.take(conversation_id, turn_id).complete("Hello.");
  await asking.next("complete");
  return { asking, looking, conversation_id, turn_id };
}

it("tells whoever asked, and has quotas, behind the end what the turn has used and what is left", async () => {
  const { asking, conversation_id, turn_id } = await answered(limited);
  const frame = await asking.next("usage");
  expect(frame).toEqual({
    ...{ type: "usage", conversation_id, turn_id, currency: "USD" },
    usage: { input_tokens: 1, output_tokens: 1 },
    periods: [{ period: "day", resets_at: expect.any(Number), tokens: 0, tokens_limit: 5_000, cost_micros: 0 }],
  });
});

it("tells nobody who has none of their own, and does nothing for them", async () => {
  const { asking } = await answered(free);
  asking.send({ type: "ping" });
  await asking.next("pong");
  expect(asking.frames.map(({ type }) => type)).not.toContain("usage");
});
