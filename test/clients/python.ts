import { execFile, execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";

/** Debian's interpreter first: its `python3-websockets` is not seen by others. */
const candidates = ["/usr/bin/python3", "python3"];

/** A Python that has the module `websockets`; undefined when there is none. */
export function findPython(): string | undefined {
  return candidates.find((python) => {
    try {
      execFileSync(python, ["-c", "import websockets"], { stdio: "ignore", timeout: 10_000 });
      return true;
    } catch {
      return false;
    }
  });
}

const Step = z.looseObject({ step: z.string() });
const script = fileURLToPath(new URL("chat_stream.py", import.meta.url));

/** Runs the Python client to its end; returns the steps that it printed. */
export async function runChatStream(python: string, args: readonly string[]): Promise<z.infer<typeof Step>[]> {
  const { stdout } = await promisify(execFile)(python, [script, ...args], { timeout: 45_000 });
  return stdout
    .trim()
    .split("\n")
    .map((line) => Step.parse(JSON.parse(line)));
}
