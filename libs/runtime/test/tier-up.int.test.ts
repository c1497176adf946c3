import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";
import { z } from "zod";
import { bundleProgram } from "./processes/bundle.ts";

const program = await bundleProgram(new URL("processes/optimized-process.ts", import.meta.url));
afterAll(() => program[Symbol.asyncDispose]());

/** How often a function is called until V8 has optimized it; it compiles where it stands, so that a busy machine changes nothing. */
async function callsUntilOptimized() {
  const flags = ["--allow-natives-syntax", "--no-concurrent-recompilation"];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, program.file], { env: {} });
  expect(stderr).toBe("");
  return z.object({ first: z.number(), last: z.number() }).parse(JSON.parse(stdout));
}

const major = Number(process.versions.v8.split(".")[0]);

it.runIf(major < 13)(
  "has what runs often optimized after a part of the calls, once the process has started",
  async () => {
    const { first, last } = await callsUntilOptimized();
    expect(last).toBeLessThan(first / 2);
  },
);

it.runIf(major >= 13)("says nothing to a version of V8 that knows no such flag", async () => {
  expect((await callsUntilOptimized()).last).toBeGreaterThan(0);
});
