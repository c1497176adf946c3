import { expect, it } from "vitest";
import { checkReport, chosenServices, printReport, unknownNames } from "../../scripts/config/report.ts";

const secret = "a-secret-that-nobody-may-read-0001";

it("names every problem of every service that was asked for", () => {
  const { lines, hasProblem } = checkReport(["edge", "agent-worker"], { PORT: "x", ADMIN_PORT: "-1", SLOTS: "0" });
  expect(hasProblem).toBe(true);
  expect(lines.filter((line) => /PORT must be/.test(line))).toHaveLength(3);
  expect(lines.some((line) => /AUTH_JWT_SECRET is not set/.test(line))).toBe(true);
  expect(lines.some((line) => /SLOTS cannot be used/.test(line))).toBe(true);
});

it("finds nothing wrong with what a service would start with", () => {
  expect(checkReport(["edge", "agent-worker", "tool-worker"], { AUTH_JWT_SECRET: secret })).toEqual({
    lines: ["edge: valid", "agent-worker: valid", "tool-worker: valid"],
    hasProblem: false,
  });
});

it("refuses in production what only development may have", () => {
  const { lines } = checkReport(["edge"], { NODE_ENV: "production", AUTH_JWT_SECRET: "short", AUTH_DEV: "1" });
  expect(lines.filter((line) => /production/.test(line))).toHaveLength(2);
});

it("prints what is in force, without secrets and passwords", () => {
  const env = { AUTH_JWT_SECRET: secret, NATS_URL: "nats://parley:hush@one:4222,nats://token@two:4222", SHARDS: "4" };
  const text = printReport(["edge"], env).lines.join("\n");
  expect(text).not.toMatch(/nobody-may-read|hush|\/\/token@/);
  expect(text).toContain("one:4222");
  expect(text).toMatch(/^SHARDS=4$/m);
  expect(text).toMatch(/^STREAM_REPLICAS=1 {2}# default$/m);
});

it("points out names that no service reads", () => {
  expect(unknownNames({ NATS_ULR: "x", NATS_URL: "x" })).toEqual(["NATS_ULR"]);
});

it("knows its services", () => {
  expect(chosenServices()).toContain("cluster-simulator");
  expect(() => chosenServices("egde")).toThrow(/There is no service "egde"/);
});
