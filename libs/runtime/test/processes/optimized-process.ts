import { setTimeout as delay } from "node:timers/promises";
import { runInThisContext } from "node:vm";
import { runMain } from "@parley/runtime";

/** Of V8's natives (`--allow-natives-syntax`), which no parser of TypeScript knows. Bit 6: TurboFan's code runs. */
const isOptimized: (work: unknown) => boolean = runInThisContext("(work) => (%GetOptimizationStatus(work) & 64) !== 0");
const mostCalls = 100_000;
const batch = 20;
const deadlineMs = 10_000;

let made = 0;

function callsUntilOptimized(): number {
  // Each time another text: of one that it has seen V8 knows more.
  const body = `let sum = ${made++}; for (const each of [1, 2, 3, 4]) sum += each * value; return sum;`;
  const work: (value: number) => number = runInThisContext(`(value) => { ${body} }`);
  let calls = 0;
  while (calls < mostCalls && !isOptimized(work)) for (let i = 0; i < batch; i++) work(calls++);
  return calls;
}

/** Says how many calls it takes at the start, and then; until that are less than half, or the deadline. */
async function main(): Promise<void> {
  const first = callsUntilOptimized();
  let last = first;
  while (last >= first / 2 && performance.now() < deadlineMs) {
    await delay(20);
    last = callsUntilOptimized();
  }
  process.stdout.write(JSON.stringify({ first, last }));
}

runMain("sample", main);
