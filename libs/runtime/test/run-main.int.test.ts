import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, it } from "vitest";
import { bundleProgram } from "./processes/bundle.ts";

const program = await bundleProgram(new URL("processes/failing-process.ts", import.meta.url));
afterAll(() => program[Symbol.asyncDispose]());

async function run(env: Record<string, string>): Promise<{ code: unknown; stderr: string }> {
  const child = spawn(process.execPath, [program.file], { env });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  return { code, stderr };
}

describe("runMain", () => {
  it.concurrent("exits with 0 when main is over, whatever is still open", async () => {
    expect(await run({ OUTCOME: "finish" })).toEqual({ code: 0, stderr: "" });
  });

  it.concurrent("tells a problem of the configuration without a stack", async () => {
    expect(await run({ OUTCOME: "config" })).toEqual({
      code: 1,
      stderr: "sample: The configuration has 1 problem:\n  - REDIS_URL is not set, but it is needed.\n",
    });
  });

  it.concurrent("tells what keeps it from starting in one sentence", async () => {
    expect(await run({ OUTCOME: "start" })).toEqual({
      code: 1,
      stderr: "sample: Cannot reach NATS. Set NATS_URL.\n",
    });
  });

  it.concurrent("asks for a report of our own faults, without a stack", async () => {
    const { code, stderr } = await run({ OUTCOME: "fault" });
    expect(code).toBe(1);
    expect(stderr).toContain("sample stopped because of a fault in Parley; please report it: x is undefined");
    expect(stderr).not.toContain("    at ");
  });

  it.concurrent("shows the stack of our own faults when LOG_LEVEL is debug", async () => {
    const { stderr } = await run({ OUTCOME: "fault", LOG_LEVEL: "debug" });
    expect(stderr).toContain("    at ");
  });

  it.concurrent("ends on a rejection that nobody handles", async () => {
    const { code, stderr } = await run({ OUTCOME: "rejection" });
    expect(code).toBe(1);
    expect(stderr).toContain("nobody waits for this");
  });
});
