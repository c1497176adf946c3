import { execFileSync } from "node:child_process";

/** What tests take from the caller's environment. Nothing else of it reaches a process under test. */

/** Just enough for a program to run: a developer's keys and URLs must never decide what a test sees. */
export function bareEnvironment(): Record<string, string> {
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  return { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }) };
}

export function natsServerCommand(): string {
  return process.env["NATS_SERVER_BIN"] ?? "nats-server";
}

/** As "2.12.15", of the program that tests start. */
export function natsServerVersion(): string {
  const text = execFileSync(natsServerCommand(), ["-v"], { encoding: "utf8" });
  return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? text.trim();
}

export function redisServerCommand(): string {
  return process.env["REDIS_SERVER_BIN"] ?? "redis-server";
}

/** Whether the caller has built already (`npm test` has) or wants the build that is there. */
export function isBuilt(): boolean {
  return process.env["PARLEY_BUILT"] === "1";
}

const masterKey = Buffer.alloc(32, 7).toString("base64");

/** Settings of the processes that read and write what people say; none, unless tests are to run with encryption at rest (PARLEY_TEST_ENCRYPTION=1). */
export function encryptionSettings(): Record<string, string> {
  return process.env["PARLEY_TEST_ENCRYPTION"] === "1" ? { ENCRYPTION_KEY: masterKey } : {};
}

/** Whether the brokers that tests start have a user for each role, with the rights that `deploy/` gives it. */
export function wantsRoles(): boolean {
  return process.env["PARLEY_TEST_ROLES"] === "1";
}
