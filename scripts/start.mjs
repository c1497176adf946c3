import { checkNodeVersion } from "./setup/node-version.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure, SetupError, StoppedError } from "./setup/setup-error.mjs";
import { runParley } from "./start/parley.mjs";
import { watchParent } from "./start/parent.mjs";

// One Ctrl-C comes twice: from the terminal and passed on by npm. Only a later one means "at once".
const SAME_CTRL_C_MS = 1000;

const stopping = new AbortController();
const hurrying = new AbortController();
let stoppedAt = 0;

function stop(reason) {
  if (stopping.signal.aborted) {
    if (performance.now() - stoppedAt > SAME_CTRL_C_MS) hurrying.abort();
    return;
  }
  stoppedAt = performance.now();
  stopping.abort(new StoppedError(reason));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop(signal));
// `npm start | head`: the reader has gone, and the processes must be stopped all the same.
process.stdout.on("error", () => stopping.abort(new StoppedError("output closed")));

try {
  checkNodeVersion();
  watchParent(stop);
  await runParley({ args: process.argv.slice(2), env: process.env, signal: stopping.signal, hurry: hurrying.signal });
} catch (error) {
  // What breaks because we were told to stop is not a failure.
  if (!stopping.signal.aborted || error instanceof SetupError) {
    say();
    process.stderr.write(`${describeFailure(error)}\n`);
    process.exitCode = 1;
  } else say("  interrupted before everything was ready");
}
process.exit();
