import { findingLines, resultLines } from "./fuzz/report.ts";
import { fuzz, fuzzedEnvironment } from "./fuzz/run.ts";
import { openStreet } from "./neighbour/street.ts";
import { readOptions } from "./options.ts";

const progressEveryMs = 2_000;
const shownFindings = 20;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function createProgress(): (line: string) => void {
  let saidAt = -Infinity;
  return (line) => {
    if (performance.now() - saidAt < progressEveryMs) return;
    saidAt = performance.now();
    say(`  ${line}`);
  };
}

async function main(args: readonly string[]): Promise<number> {
  const { seed, seconds, kinds, at } = readOptions(args);
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stopping.abort());
  say(`Fuzzing an edge for ${seconds} s, seed ${seed}: ${kinds.join(", ")}`);
  await using street = await openStreet(fuzzedEnvironment);
  const result = await fuzz(street, {
    seed,
    seconds,
    kinds,
    at,
    signal: stopping.signal,
    onProgress: createProgress(),
  });
  say("");
  for (const finding of result.findings.slice(0, shownFindings))
    for (const line of findingLines(finding, seed)) say(line);
  if (result.findings.length > 0) say("");
  for (const line of resultLines(result)) say(line);
  return result.findings.length === 0 && !result.harm.isHarmed ? 0 : 1;
}

process.exit(
  await main(process.argv.slice(2)).catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }),
);
