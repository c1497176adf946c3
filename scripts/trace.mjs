import { describeFailure } from "./setup/setup-error.mjs";
import { say } from "./setup/progress.mjs";
import { readTraces } from "./trace/read-traces.mjs";
import { findTrace, listTurns } from "./trace/turn-list.mjs";
import { treeOf } from "./trace/trace-tree.mjs";

// Usage: npm run trace                                   the last turns
//        npm run trace -- last | <turn id> | <trace id>  one of them as a tree

// `npm run trace | head`: the reader has gone.
process.stdout.on("error", () => process.exit());

try {
  const wanted = process.argv[2];
  const traces = readTraces();
  const lines = wanted === undefined ? listTurns(traces) : treeOf(findTrace(traces, wanted));
  for (const line of lines) say(line);
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}
