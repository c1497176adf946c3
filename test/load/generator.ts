import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { type Settings, userCount } from "../../loadtest/settings.ts";
import { readReport, type Report } from "./ledger.ts";

const repository = path.resolve(import.meta.dirname, "../..");
const shownLines = 20;
/** Up to so many k6 may keep more garbage: it takes less of the processors that it shares, for some hundred MB. */
const fewUsers = 2_000;

export interface GeneratorOptions {
  /** k6, with the arguments that must come first (a container engine's). */
  readonly command: readonly string[];
  /** File in loadtest/scenarios. */
  readonly script: string;
  readonly settings: Settings;
  readonly tokensFile: string;
  readonly onReport: (report: Report) => void;
  readonly signal: AbortSignal;
}

const Threshold = z.object({ ok: z.boolean() });
const K6Summary = z.object({
  metrics: z.record(
    z.string(),
    z.object({ values: z.record(z.string(), z.number()), thresholds: z.record(z.string(), Threshold).optional() }),
  ),
});
export type K6Summary = z.infer<typeof K6Summary>;

export interface Generator {
  readonly pid: number;
  /** k6's exit code and own figures. Rejects when it wrote none, with its last lines. */
  readonly finished: Promise<{ code: number; summary: K6Summary }>;
}

/** k6 ends with this when a threshold was crossed. */
export const thresholdsCrossed = 99;

/** Starts one k6 process; it dies with the signal. */
export async function startGenerator(options: GeneratorOptions): Promise<Generator> {
  const { command, script, settings, tokensFile, onReport, signal } = options;
  const settingsFile = `${settings.summaryFile}.settings`;
  await writeFile(settingsFile, JSON.stringify(settings));
  const [program = "k6", ...first] = command;
  const args = [
    ...[...first, "run", "--quiet", "--no-color", "--log-format", "raw", "--log-output", "stdout"],
    ...["-e", `PARLEY_SETTINGS=${settingsFile}`, "-e", `PARLEY_TOKENS=${tokensFile}`],
    path.join(repository, "loadtest/scenarios", script),
  ];
  const env = {
    ...process.env,
    ...{ K6_NO_USAGE_REPORT: "true", K6_AUTO_EXTENSION_RESOLUTION: "false" },
    ...(userCount(settings.groups) <= fewUsers ? { GOGC: "400" } : {}),
  };
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], signal, killSignal: "SIGKILL" });
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      const report = readReport(line);
      if (report !== undefined) return onReport(report);
      last.push(line);
      if (last.length > shownLines) last.shift();
    });
  }
  const finished = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  }).then(async (code) => ({ code, summary: await readSummary(settings.summaryFile, code, last) }));
  // Whoever waits for it comes later; until then a failure is not unhandled.
  finished.catch(() => undefined);
  return { pid: child.pid ?? 0, finished };
}

async function readSummary(file: string, code: number, lastLines: readonly string[]): Promise<K6Summary> {
  try {
    return K6Summary.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (cause) {
    throw new Error(`k6 ended with ${code} and left no figures. Its last lines:\n${lastLines.join("\n")}`, { cause });
  }
}
