import { closeCodes } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openGate, type Gate } from "../src/admission/gate.ts";
import { tokenOf } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { attempt, createLimitedWorld, type LimitedWorld } from "./support/limited-world.ts";
import { connectClient } from "./support/test-client.ts";

/** Keeps one address and one user out for a minute, and hears what others did. */
function createTestGate() {
  const noted: { readonly offence: string; readonly address: string; readonly userId?: string | undefined }[] = [];
  const gate: Gate = {
    ...openGate,
    blockedUntil: (address, userId) =>
      address === "203.0.113.66" || userId === "mallory" ? Date.now() + 60_000 : undefined,
    note: (offence, from) => void noted.push({ offence, ...from }),
  };
  return { gate, noted };
}

describe("who is blocked", () => {
  let world: LimitedWorld;
  const { gate, noted } = createTestGate();
  const proxied = { gate, whence: { trusted: ["127.0.0.0/8"], exempt: [] } };
  const from = (client: string) => ({ headers: { "x-forwarded-for": client } });

  beforeAll(async () => {
    world = await createLimitedWorld();
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it("is told so before the upgrade and over HTTP, by address, with when it ends", async () => {
    const edge = await world.limited({}, proxied);
    const refused = await attempt(edge, from("203.0.113.66"));
    expect(refused).toMatchObject({ status: 403, code: "BLOCKED" });
    expect(refused.retryAfter).toBeGreaterThan(55);
    const { status, body, headers } = await ask(edge, "GET", "/api/v1/conversations", from("203.0.113.66"));
    expect([status, body.code, body.retryable]).toEqual([403, "BLOCKED", false]);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(55);
    expect((await attempt(edge, from("203.0.113.67"))).status).toBe(101);
  });

  it("stays out whatever else is said of where they come from", async () => {
    const edge = await world.limited({}, proxied);
    const disguised = { headers: { "x-forwarded-for": "203.0.113.66", forwarded: "for=198.51.100.1" } };
    expect(await attempt(edge, disguised)).toMatchObject({ status: 403, code: "BLOCKED" });
    expect((await ask(edge, "GET", "/api/v1/conversations", disguised)).body.code).toBe("BLOCKED");
  });

  it("is told so as soon as it is known who it is", async () => {
    const edge = await world.limited({}, proxied);
    const client = await connectClient(edge.url);
    client.send({ type: "auth", token: await tokenOf("mallory") });
    expect(await client.next("auth_error")).toMatchObject({ code: "BLOCKED" });
    expect(await client.closed).toBe(closeCodes.policy);
    const { status, body } = await ask(edge, "GET", "/api/v1/conversations", { user: "mallory" });
    expect([status, body.code]).toEqual([403, "BLOCKED"]);
  });

  it("has been held against each refusal for a limit, with address and user as far as they are known", async () => {
    const edge = await world.limited(
      { new_connections_per_address: { rate: 0.01, burst: 1 }, turns_per_user: { rate: 1, burst: 1 } },
      proxied,
    );
    await attempt(edge, from("2001:db8::1"));
    expect((await attempt(edge, from("2001:db8::2"))).status).toBe(429);
    expect(noted).toContainEqual({ offence: "limit of an address", address: "2001:db8::/64" });
    const socket = await attempt(edge, { ...from("203.0.113.6"), user: "nora" });
    for (const id of ["one", "two", "three"])
      socket.socket.send(JSON.stringify({ type: "message", id, message: "hello" }));
    await expect.poll(() => noted).toContainEqual({ offence: "rate limit", address: "203.0.113.6", userId: "nora" });
  });
});
