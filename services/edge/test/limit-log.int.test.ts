import { createLogSizes } from "@parley/bus";
import { createMetrics } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTokens } from "../src/admission/tokens.ts";
import { jwtSecret, log, type EdgeUnderTest } from "./support/edge-fixture.ts";
import { createLimitedWorld, refusalsBy, type LimitedWorld } from "./support/limited-world.ts";

/** Whose tokens name a tenant. */
const tokens = startTokens({
  sharedSecret: { secret: jwtSecret, rules: { tenant: { claim: ["org"] } } },
  registry: createMetrics({ service: "edge" }),
  log,
});

describe("P7: what of the log somebody may fill", () => {
  let world: LimitedWorld;
  let edge: EdgeUnderTest;

  beforeAll(async () => {
    world = await createLimitedWorld();
    edge = await world.limited({ log_bytes_per_user: 10_000, log_bytes_per_tenant: 15_000 }, { tokens });
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  const tokenOf = (user: string, org: string): Promise<string> =>
    new SignJWT({ org })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(user)
      .setExpirationTime("1h")
      .sign(Buffer.from(jwtSecret));

  async function ask(user: string, org: string, method: string, path: string, body?: object) {
    const response = await fetch(`http://127.0.0.1:${edge.port}${path}`, {
      method,
      headers: { authorization: `Bearer ${await tokenOf(user, org)}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(2_000),
    });
    const text = await response.text();
    const { code }: { code?: string } = text === "" ? {} : JSON.parse(text);
    return { status: response.status, code };
  }

  /** A refusal comes at once; a message that is accepted waits for its answer, which nobody writes here. */
  const say = (user: string, org: string, conversation_id: string) =>
    ask(user, org, "POST", "/api/v1/chat", { message: "hello", conversation_id, on_busy: "reject" }).catch(
      () => "accepted",
    );

  it("is a user's own, and is free again when conversations are deleted", async () => {
    const sizes = createLogSizes(world.own);
    const ann = { user: "ann", tenant: "acme" };
    await world.bus.owners.claim("c_large", "ann", "acme");
    await sizes.add(ann, "c_large", 9_000);
    await sizes.add(ann, "c_other", 2_000);
    expect(await say("ann", "acme", "c_more")).toEqual({ status: 429, code: "QUOTA_EXCEEDED" });
    expect(await refusalsBy(edge, "log_bytes_per_user")).toBe(1);
    expect(await say("bert", "acme", "c_berts")).toBe("accepted");
    expect((await ask("ann", "acme", "DELETE", "/api/v1/conversations/c_large")).status).toBe(204);
    expect(await sizes.of(ann)).toEqual({ user: 2_000, tenant: 2_000 });
    await eventually(async () => (await say("ann", "acme", "c_more")) === "accepted", {
      what: "room",
      timeoutMs: 20_000,
      intervalMs: 1_000,
    });
  });

  it("is a tenant's together, whoever of it has filled it", async () => {
    const sizes = createLogSizes(world.own);
    for (const user of ["carl", "dora"]) await sizes.add({ user, tenant: "beta" }, `c_${user}`, 8_000);
    expect(await say("emil", "beta", "c_emil")).toEqual({ status: 429, code: "QUOTA_EXCEEDED" });
    expect(await say("emil", "gamma", "c_gamma")).toBe("accepted");
  });

  it("is not asked for while Redis is away", async () => {
    await createLogSizes(world.own).add({ user: "fred", tenant: "delta" }, "c_fred", 20_000);
    world.proxy.sever();
    expect(await say("fred", "delta", "c_fred_more")).toBe("accepted");
    world.proxy.heal();
  });
});
