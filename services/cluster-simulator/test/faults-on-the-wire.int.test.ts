import { expect, test } from "vitest";
import { startSimulator } from "./simulator.ts";

const SCALE = "/apis/apps/v1/namespaces/shop/deployments/cart/scale";
const CART = "/apis/apps/v1/namespaces/shop/deployments/cart";
const toTwo = { role: "operator", method: "PATCH", body: { spec: { replicas: 2 } } } as const;

test("carries a change out and cuts the connection before it says so", async () => {
  await using simulator = await startSimulator();
  await simulator.call("/sim/faults", {
    method: "POST",
    body: { path_contains: "/scale", cut_after_bytes: 0, times: 1 },
  });
  await expect(simulator.call(SCALE, toTwo)).rejects.toThrow(/socket hang up|ECONNRESET/);
  expect((await simulator.call(CART)).json()).toMatchObject({ spec: { replicas: 2 } });
});

test("cuts the connection before it does anything", async () => {
  await using simulator = await startSimulator();
  const body = { path_contains: "/scale", cut_after_bytes: 0, after_effect: false };
  await simulator.call("/sim/faults", { method: "POST", body });
  await expect(simulator.call(SCALE, toTwo)).rejects.toThrow(/socket hang up|ECONNRESET/);
  expect((await simulator.call(CART)).json()).toMatchObject({ spec: { replicas: 1 } });
});

test("cuts an answer off in the middle", async () => {
  await using simulator = await startSimulator();
  await simulator.call("/sim/faults", { method: "POST", body: { path_contains: "/pods", cut_after_bytes: 100 } });
  await expect(simulator.call("/api/v1/pods")).rejects.toThrow(/aborted|ECONNRESET/);
});

test("sends an answer slowly", async () => {
  await using simulator = await startSimulator();
  await simulator.call("/sim/faults", { method: "POST", body: { path_contains: "/version", bytes_per_second: 500 } });
  const startMs = performance.now();
  expect((await simulator.call("/version")).json()).toMatchObject({ major: "1" });
  expect(performance.now() - startMs).toBeGreaterThan(300);
});

test("says how long to wait, and only to the method that it is for", async () => {
  await using simulator = await startSimulator();
  const body = { path_contains: "/scale", method: "PATCH", status: 429, retry_after_s: 7 };
  await simulator.call("/sim/faults", { method: "POST", body });
  expect(await simulator.call(SCALE)).toMatchObject({ status: 200 });
  expect(await simulator.call(SCALE, toTwo)).toMatchObject({ status: 429, headers: { "retry-after": "7" } });
});
