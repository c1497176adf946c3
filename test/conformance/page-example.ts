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

export interface ExampleChoice {
  /** Default: JavaScript. */
  readonly language?: "js" | "sh";
  /** Which of the page's blocks in this language, from 0. */
  readonly at?: number;
  /** As which package here a client is installed that the page names. */
  readonly packages?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a block of a page of the docs as it stands, but that it asks this server. It is killed at the end of its test. */
export async function runExample(
  page: string,
  url: string,
  { language = "js", at = 0, packages = {}, env = {} }: ExampleChoice = {},
): Promise<ExampleRun> {
  const text = await readFile(path.join(docs, page), "utf8");
  const [, code] = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))][at] ?? [];
  if (code === undefined) throw new Error(`${page} has no such example.`);
  const here = Object.entries(packages).reduce(
    (named, [name, installed]) => named.replaceAll(new RegExp(`"${name}(?=["/])`, "g"), `"${installed}`),
    code.replaceAll(/http:\/\/(?:localhost|127\.0\.0\.1):8000/g, url),
  );
  const command = language === "js" ? [process.execPath, "--input-type=module", "-e"] : ["sh", "-c"];
  const [program = "", ...args] = command;
  const child = spawn(program, [...args, here], { cwd: clients, env: { ...process.env, ...env } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = once(child, "close").then(([exit]: unknown[]) => (typeof exit === "number" ? exit : -1));
  return { output: () => output, ended };
}
