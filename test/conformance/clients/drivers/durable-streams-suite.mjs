// Runs @durable-streams/server-conformance-tests against a server, and says a line for each of its tests. `only`: those whose full name matches.
import { startVitest } from "vitest/node";

const { url, only } = JSON.parse(process.argv[2]);
process.env.CONFORMANCE_TEST_URL = url;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const silent = { onTestCaseResult: (one) => tell(one) };
function tell(one) {
  const { state, errors = [] } = one.result();
  const groups = [];
  for (let up = one.parent; up.type === "suite"; up = up.parent) groups.unshift(up.name);
  const message = (errors[0]?.message ?? "").split("\n", 1)[0];
  say({ type: "test", group: groups.join(" / "), title: one.name, status: state, message });
}

const vitest = await startVitest("test", [], {
  root: import.meta.dirname,
  config: false,
  watch: false,
  include: ["durable-streams-tests.mjs"],
  reporters: [silent],
  testNamePattern: only,
  testTimeout: 30_000,
});
await vitest?.close();
say({ type: "done" });
process.exit(0);
