import { describeFailure } from "./setup/setup-error.mjs";
import { say } from "./setup/progress.mjs";
import { giveHelp } from "./setup/usage.mjs";
import { readTraces } from "./trace/read-traces.mjs";
import { findTrace, listTurns } from "./trace/turn-list.mjs";
import { treeOf } from "./trace/trace-tree.mjs";

const usage = `Usage: npm run trace                               the last turns
       npm run trace -- last | TURN ID | TRACE ID  one of them as a tree; the beginning of an id is enough

  Reads what the processes that \`npm start\` started have written. A worker that was started in another way writes none unless it has TRACES_FILE.`;

// `npm run trace | head`: the reader has gone.
process.stdout.on("error", () => process.exit());

giveHelp(process.argv.slice(2), usage);
try {
  const wanted = process.argv[2];
  const traces = readTraces();
  const lines = wanted === undefined ? listTurns(traces) : treeOf(findTrace(traces, wanted));
  for (const line of lines) say(line);
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}
