import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { z } from "zod";
import type { Logger } from "./logger.ts";
import { StartError } from "./start-error.ts";
import { parseYaml } from "./yaml-file.ts";

export interface LiveFileOptions<Schema extends z.ZodType> {
  /** Path; in every problem as people know it. */
  readonly file: string;
  /** What it holds, for sentences: "the limits". */
  readonly what: string;
  readonly schema: Schema;
  /** The file need not be there: without it an empty one counts. */
  readonly isOptional: boolean;
  readonly log: Logger;
  /** Default: 2 s. */
  readonly everyMs?: number;
}

/** A file that is read again when it changes. */
export interface LiveFile<Value> {
  /** What it says now; of a change that cannot be used, what it said before. */
  current(): Value;
  /** Why the newest change does not count, as sentences; empty when it does. */
  problems(): readonly string[];
  close(): void;
}

const defaultEveryMs = 2_000;

type Reading<Value> = { readonly value: Value } | { readonly problems: readonly string[] };

/**
 * Reads a file, and again when its text has changed: it is compared, as watchers do not see how Kubernetes swaps mounted files. Throws a StartError with every
 * problem when it cannot be used at the start; later the last good one goes on to count, and the problems are logged once.
 */
export async function openLiveFile<Schema extends z.ZodType>(
  options: LiveFileOptions<Schema>,
): Promise<LiveFile<z.output<Schema>>> {
  const { file, what, isOptional, log, everyMs = defaultEveryMs } = options;
  const textOf = async (): Promise<string> => (isOptional && !existsSync(file) ? "" : readFile(file, "utf8"));
  let text = await textOf().catch((cause: unknown) => {
    throw new StartError(`The file of ${what}, ${file}, cannot be read.`, { cause });
  });
  const first = read(options, text);
  if ("problems" in first) throw new StartError(sentenceOf(`${what} cannot be used:`, first.problems));
  let { value } = first;
  let problems: readonly string[] = [];

  const look = async (): Promise<void> => {
    const now = await textOf();
    if (now === text) return;
    // Cut short, or gone: what it said goes on to count. `{}` says that nothing of it is to hold any more.
    if (now.trim() === "") throw new Error("the file is empty");
    text = now;
    const reading = read(options, now);
    problems = "problems" in reading ? reading.problems : [];
    if ("value" in reading) {
      ({ value } = reading);
      log.info({ file }, `${what} were read again`);
    } else log.error({ file, problems }, `${what} were changed and cannot be used: the ones before go on to count`);
  };
  let isMissing = false;
  const timer = setInterval(() => {
    look().then(
      () => void (isMissing = false),
      (err: unknown) => {
        if (!isMissing) log.error({ err, file }, `${what} cannot be read any more: the last ones go on to count`);
        isMissing = true;
      },
    );
  }, everyMs);
  timer.unref();
  return { current: () => value, problems: () => problems, close: () => clearInterval(timer) };
}

function read<Schema extends z.ZodType>(
  { file, schema }: LiveFileOptions<Schema>,
  text: string,
): Reading<z.output<Schema>> {
  const parsed = parseYaml({ file, text: text.trim() === "" ? "{}" : text }, schema);
  return parsed.ok ? { value: parsed.value } : { problems: parsed.problems };
}

function sentenceOf(beginning: string, problems: readonly string[]): string {
  return [beginning[0]?.toUpperCase() + beginning.slice(1), ...problems.map((problem) => `  - ${problem}`)].join("\n");
}
