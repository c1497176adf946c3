import { expect, test } from "vitest";
import { startSimulator } from "./simulator.ts";

test("fails the requests that a fault is for, as often as it says", async () => {
  await using simulator = await startSimulator();
  const fault = { path_contains: "/pods", status: 429, times: 1 };
  expect(await simulator.call("/sim/faults", { method: "POST", body: fault })).toMatchObject({ status: 201 });
  expect(await simulator.call("/api/v1/nodes")).toMatchObject({ status: 200 });
  const failed = await simulator.call("/api/v1/pods");
  expect(failed.headers["retry-after"]).toBe("1");
  expect(failed.json()).toMatchObject({ kind: "Status", code: 429, reason: "TooManyRequests" });
  expect(await simulator.call("/api/v1/pods")).toMatchObject({ status: 200 });
});

test("delays the requests that a fault is for", async () => {
  await using simulator = await startSimulator();
  await simulator.call("/sim/faults", { method: "POST", body: { path_contains: "/pods", delay_ms: 80 } });
  const startMs = performance.now();
  expect(await simulator.call("/api/v1/pods")).toMatchObject({ status: 200 });
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(75);
});

test("forgets faults on demand", async () => {
  await using simulator = await startSimulator();
  await simulator.call("/sim/faults", { method: "POST", body: { path_contains: "/pods", status: 500 } });
  expect(await simulator.call("/api/v1/pods")).toMatchObject({ status: 500 });
  await simulator.call("/sim/faults", { method: "DELETE" });
  expect(await simulator.call("/api/v1/pods")).toMatchObject({ status: 200 });
});

test("refuses a fault that it does not understand", async () => {
  await using simulator = await startSimulator();
  expect(await simulator.call("/sim/faults", { method: "POST", body: { path: "x" } })).toMatchObject({ status: 400 });
});
