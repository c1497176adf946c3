import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { onTestFinished } from "vitest";

const docs = path.join(import.meta.dirname, "../../docs");
const clients = path.join(import.meta.dirname, "clients");

export interface ExampleRun {
  /** What it has printed so far. */
  output(): string;
  /** Its exit code. */
  readonly ended: Promise<number>;
}

/** Runs the first JavaScript of a page of the docs as it stands, but that it asks this server. It is killed at the end of its test. */
export async function runExample(page: string, url: string): Promise<ExampleRun> {
  const text = await readFile(path.join(docs, page), "utf8");
  const [, code] = /```js\n(.*?)```/s.exec(text) ?? [];
  if (code === undefined) throw new Error(`${page} has no example.`);
  const here = code.replaceAll("http://localhost:8000", url);
  const child = spawn(process.execPath, ["--input-type=module", "-e", here], { cwd: clients });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = once(child, "close").then(([exit]: unknown[]) => (typeof exit === "number" ? exit : -1));
  return { output: () => output, ended };
}
