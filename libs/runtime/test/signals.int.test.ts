import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { bundleProgram } from "./processes/bundle.ts";

const program = await bundleProgram(new URL("processes/stoppable-process.ts", import.meta.url));
afterAll(() => program[Symbol.asyncDispose]());

async function start(env: Record<string, string>) {
  const child: ChildProcessByStdio<null, Readable, null> = spawn(process.execPath, [program.file], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const reader = createInterface(child.stdout);
  const untilLine = (message: string) =>
    new Promise<void>((resolve) => {
      reader.on("line", (line) => line.includes(`"msg":"${message}"`) && resolve());
    });
  reader.on("line", (line) => lines.push(line));
  const exit = once(child, "exit");
  await untilLine("ready");
  return { child, lines, untilLine, exit };
}

describe("signals", () => {
  it.concurrent.each(["SIGTERM", "SIGINT"] as const)("releases everything on %s and exits with 0", async (signal) => {
    const { child, lines, exit } = await start({});
    child.kill(signal);
    expect((await exit)[0]).toBe(0);
    const messages = lines.map((line): unknown => JSON.parse(line).msg);
    expect(messages).toEqual(["ready", "stopping", "released", "stopped"]);
  });

  it.concurrent("exits at once on the second signal", async () => {
    const { child, untilLine, exit } = await start({ HANG: "1" });
    const stopping = untilLine("stopping");
    child.kill("SIGTERM");
    await stopping;
    child.kill("SIGTERM");
    expect((await exit)[0]).toBe(143);
  });
});
