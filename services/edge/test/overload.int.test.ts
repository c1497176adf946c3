import { Limits } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { metricOf } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { attempt, createLimitedWorld, refusalsBy, type LimitedWorld } from "./support/limited-world.ts";

describe("an edge under load", () => {
  let world: LimitedWorld;

  beforeAll(async () => {
    world = await createLimitedWorld();
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it("turns new connections away before the upgrade while those who talk go on, and takes them again", async () => {
    const load = { lagMs: 0 };
    const edge = await world.limited({}, { lag: () => load.lagMs });
    const client = await world.connect(edge, "anna");
    client.send({ type: "message", id: "first", message: "hello" });
    const { conversation_id } = await client.next("accepted");
    load.lagMs = 600;
    await eventually(async () => (await metricOf(edge, "parley_edge_lag_seconds")) === 0.6, { what: "it is late" });
    const refused = await attempt(edge);
    expect(refused).toMatchObject({ status: 503, code: "OVERLOADED" });
    expect(refused.retryAfter).toBeGreaterThanOrEqual(4);
    client.send({ type: "message", id: "newer", message: "hello" });
    const { code, retry_after_ms } = await client.next("error");
    expect(code).toBe("OVERLOADED");
    expect(retry_after_ms).toBeGreaterThanOrEqual(4_000);
    client.send({ type: "message", id: "second", message: "and?", conversation_id });
    await client.next("accepted");
    expect(await refusalsBy(edge, "connections_at_lag_ms")).toBe(1);
    expect(await refusalsBy(edge, "new_conversations_at_lag_ms")).toBe(1);
    load.lagMs = 1_200;
    await eventually(async () => (await metricOf(edge, "parley_edge_lag_seconds")) === 1.2, { what: "it is later" });
    client.send({ type: "message", id: "third", message: "and?", conversation_id });
    expect(await client.next("error")).toMatchObject({ code: "OVERLOADED", id: "third" });
    expect(await refusalsBy(edge, "messages_at_lag_ms")).toBe(1);
    load.lagMs = 0;
    await eventually(async () => (await attempt(edge)).status === 101, { what: "taken again" });
    client.send({ type: "message", id: "third", message: "and?", conversation_id });
    await client.next("accepted");
  });

  it("takes no first messages while the queue does not move, and says so over HTTP too", async () => {
    let limits = Limits.parse({ new_conversations_at_queue_age_ms: 300, messages_at_queue_age_ms: 900_000 });
    const edge = await world.limited({}, { callerLimits: () => limits });
    const client = await world.connect(edge, "ben");
    client.send({ type: "message", id: "first", message: "hello" });
    const { conversation_id } = await client.next("accepted");
    let sent = 0;
    // No worker takes any turn here; the broker's time goes on with each that comes.
    await eventually(
      () => {
        client.send({ type: "message", id: `m${sent++}`, message: "hello" });
        return client.frames.find((frame) => frame.type === "error" && frame.code === "OVERLOADED");
      },
      { what: "turned away", intervalMs: 200, timeoutMs: 8_000 },
    );
    const { status, body } = await ask(edge, "POST", "/api/v1/chat", { user: "ben", body: { message: "x" } });
    expect([status, body.code, body.retryable]).toEqual([503, "OVERLOADED", true]);
    expect(body.retry_after_ms).toBeGreaterThanOrEqual(1_000);
    client.send({ type: "message", id: "second", message: "and?", conversation_id });
    await eventually(() => client.frames.some((frame) => frame.type === "accepted" && frame.id === "second"), {
      what: "who talks already is taken",
    });
    expect(await refusalsBy(edge, "new_conversations_at_queue_age_ms")).toBeGreaterThan(0);
    limits = { ...limits, messages_at_queue_age_ms: 300 };
    await eventually(
      async () => {
        client.send({ type: "message", id: `m${sent++}`, message: "and?", conversation_id });
        return (await refusalsBy(edge, "messages_at_queue_age_ms")) > 0;
      },
      { what: "nobody is taken any more", intervalMs: 300, timeoutMs: 10_000 },
    );
  });

  it("measures itself that it is late", async () => {
    const edge = await world.limited({ connections_at_lag_ms: 150 });
    const timer = setInterval(() => {
      const untilMs = performance.now() + 400;
      while (performance.now() < untilMs);
    }, 1);
    await eventually(async () => (await attempt(edge)).status === 503, { what: "turned away", timeoutMs: 20_000 });
    clearInterval(timer);
    await eventually(async () => (await attempt(edge)).status === 101, { what: "taken again", timeoutMs: 10_000 });
  });
});
