import { runMain } from "@parley/runtime";

/** Of V8's natives (`--allow-natives-syntax`), which no parser of TypeScript knows. Bit 6: TurboFan's code runs. */
const isOptimized = new Function("work", "return (%GetOptimizationStatus(work) & 64) !== 0");
const most = 100_000;
const batch = 20;

function work(value: number): number {
  let sum = 0;
  for (const each of [1, 2, 3, 4, 5, 6, 7, 8]) sum += each * value;
  return sum + (value % 7);
}

async function main(): Promise<void> {
  let calls = 0;
  while (calls < most && isOptimized(work) !== true) for (let i = 0; i < batch; i++) work(calls++);
  process.stdout.write(String(calls));
}

if (process.env["PLAIN"] === "1") await main();
else runMain("sample", main);
