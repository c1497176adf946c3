import { injectionResults, injectionTable } from "./report.ts";

// Prints how the set of injections fares: npm run guards

const results = injectionResults();
process.stdout.write(`${injectionTable(results)}\n`);
const failed = results.filter(({ staysInside, isStopped }) => !staysInside || isStopped === false);
for (const { kind, name } of failed) process.stdout.write(`not held: ${kind}, ${name}\n`);
if (failed.length > 0) process.exitCode = 1;
