import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { z } from "zod";

const commands = new URL("../../scripts/setup/commands.mjs", import.meta.url).href;
const errors = new URL("../../scripts/setup/setup-error.mjs", import.meta.url).href;
const endless = "setInterval(() => {}, 1000)";

const Ran = z.object({ code: z.number().nullable(), output: z.string(), tookMs: z.number() });

/** What `run` says of a program of this text, from a process of its own. */
async function ran(program: string, timeoutMs: number): Promise<z.infer<typeof Ran>> {
  const script = `
    import { run } from "${commands}";
    const startedMs = performance.now();
    const ran = await run(process.execPath, ["-e", ${JSON.stringify(program)}], { timeoutMs: ${timeoutMs} });
    console.log(JSON.stringify({ ...ran, tookMs: performance.now() - startedMs }));
    process.exit();`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  return Ran.parse(JSON.parse(stdout));
}

it("says of a program that has taken too long after which time it was stopped", async () => {
  const { code, output } = await ran(endless, 1_500);
  expect({ code, output }).toEqual({ code: null, output: "stopped after 1.5 s\n" });
});

it("does not wait for what such a program has started itself", async () => {
  const parent = `require("node:child_process").spawn("sleep", ["10"], { stdio: "inherit" }); ${endless}`;
  const { code, tookMs } = await ran(parent, 500);
  expect(code).toBeNull();
  expect(tookMs).toBeLessThan(8_000);
});

it("says nothing of its own of a program that ends by itself", async () => {
  expect(await ran("console.log(1)", 20_000)).toMatchObject({ code: 0, output: "1\n" });
});

it("calls a child that Ctrl-C ends interrupted, and nobody's fault", async () => {
  const script = `
    import { run } from "${commands}";
    import { describeFailure } from "${errors}";
    const stopping = new AbortController();
    const options = { signal: stopping.signal, onLine: () => stopping.abort() };
    await run(process.execPath, ["-e", "console.log(1); ${endless}"], options).catch((e) => console.log(describeFailure(e)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  expect(stdout).toBe("Interrupted: node -e was stopped.\n");
});
