import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type AdminRoute, Counter, createLogger, createMetrics, startAdmin } from "@parley/runtime";

type Setup = { problems?: string[]; routes?: Record<string, AdminRoute> };

async function openAdmin({ problems = [], routes = {} }: Setup = {}) {
  const registry = createMetrics({ service: "test" });
  const log = createLogger({ service: "test", level: "silent", format: "json" });
  const admin = await startAdmin({ host: "127.0.0.1", port: 0, registry, ready: () => problems, log, routes });
  return {
    registry,
    get: (path: string) => fetch(`http://127.0.0.1:${admin.port}${path}`),
    post: (path: string, body: string) => fetch(`http://127.0.0.1:${admin.port}${path}`, { method: "POST", body }),
    [Symbol.asyncDispose]: admin.close,
  };
}

describe("the admin server", () => {
  it("is alive also when it is not ready", async () => {
    await using admin = await openAdmin({ problems: ["NATS is not connected."] });
    expect((await admin.get("/livez")).status).toBe(200);
  });

  it("is ready when there are no problems", async () => {
    await using admin = await openAdmin();
    const response = await admin.get("/readyz");
    expect([response.status, await response.json()]).toEqual([200, { ready: true, problems: [] }]);
  });

  it("answers 503 with the problems when it is not ready", async () => {
    await using admin = await openAdmin({ problems: ["NATS is not connected."] });
    const response = await admin.get("/readyz");
    expect([response.status, await response.json()]).toEqual([
      503,
      { ready: false, problems: ["NATS is not connected."] },
    ]);
  });

  it("serves the metrics of the process and of its parts, labelled with the service", async () => {
    await using admin = await openAdmin();
    new Counter({ name: "parley_turns_total", help: "Turns.", registers: [admin.registry] }).inc(3);
    const text = await (await admin.get("/metrics")).text();
    expect(text).toContain('parley_turns_total{service="test"} 3');
    expect(text).toMatch(/nodejs_eventloop_lag_p99_seconds\{service="test"\}/);
  });

  it("answers HEAD like GET, without a body, and refuses other methods", async () => {
    await using admin = await openAdmin();
    const port = new URL((await admin.get("/livez")).url).port;
    const head = await fetch(`http://127.0.0.1:${port}/livez`, { method: "HEAD" });
    const put = await fetch(`http://127.0.0.1:${port}/livez`, { method: "PUT" });
    expect([head.status, await head.text(), put.status]).toEqual([200, "", 405]);
  });

  it("answers 404 for a path it does not have", async () => {
    await using admin = await openAdmin({ routes: { "POST /faults": () => ({}) } });
    expect([(await admin.get("/nothing")).status, (await admin.get("/faults")).status]).toEqual([404, 404]);
  });
});

describe("a route of the admin server", () => {
  it("gets path, query and parsed body, and answers JSON", async () => {
    const echo: AdminRoute = ({ method, path, query, body }) => ({ method, path, id: query.get("id"), body });
    await using admin = await openAdmin({ routes: { "/echo": echo } });
    expect(await (await admin.post("/echo?id=7", '{"a":1}')).json()).toEqual({
      method: "POST",
      path: "/echo",
      id: "7",
      body: { a: 1 },
    });
    expect((await admin.get("/echo")).status).toBe(200);
  });

  it("answers 204 when it returns nothing", async () => {
    await using admin = await openAdmin({ routes: { "POST /reset": () => undefined } });
    expect((await admin.post("/reset", "")).status).toBe(204);
  });

  it("answers 400 to a body that is not JSON or not what it expects", async () => {
    const strict: AdminRoute = ({ body }) => z.object({ count: z.number() }).parse(body);
    await using admin = await openAdmin({ routes: { "POST /faults": strict } });
    expect((await admin.post("/faults", "{")).status).toBe(400);
    const refused = await admin.post("/faults", '{"count":"many"}');
    expect(refused.status).toBe(400);
    expect(await refused.json()).toEqual({ error: "The request cannot be used: count must be a number." });
    const empty = await admin.post("/faults", "{}");
    expect(await empty.json()).toEqual({ error: "The request cannot be used: count is missing." });
  });

  it("answers 413 to a body above one megabyte", async () => {
    await using admin = await openAdmin({ routes: { "POST /faults": () => ({}) } });
    expect((await admin.post("/faults", "x".repeat(1_048_577))).status).toBe(413);
  });

  it("answers 500 without the inner text when it throws", async () => {
    const broken: AdminRoute = () => {
      throw new Error("password hunter2 is wrong");
    };
    await using admin = await openAdmin({ routes: { "/broken": broken } });
    const response = await admin.get("/broken");
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining("hunter2")]);
  });
});
