import { spawn } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";
import { root, tool } from "./setup/paths.mjs";
import { say } from "./setup/progress.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

const usage = `Usage: npm run test:cluster [-- --lacks LIST]                    (scripts/test-cluster.mjs)
       KUBECONFIG=FILE npm run test:cluster [-- --lacks LIST]

  Holds a real API server against the cases that the simulated cluster is held against in every run of the tests.

  Without KUBECONFIG, kube-apiserver and etcd are built with Go into .tools (once, some minutes), started on the loopback, and gone afterwards.
  A kubeconfig has the contexts \`reader\` and \`operator\`, with the rights of services/cluster-simulator/src/access/roles.ts; with a context
  \`admin\`, these rights and the custom kind of the cases are made with it. The cases write into a namespace of their own, which is left.

  --lacks LIST   what the cluster does not have: controllers, kubelet (one that runs images which exist nowhere), metrics, simulator
                 default: kubelet,metrics,simulator; of the one that is built here also controllers`;

/** Who asks, beside the administrator; their rights are made by the cases. */
const OTHERS = ["reader", "operator"].map((user) => ({ user, token: user, groups: ["parley:conformance"] }));
const READY_MS = 90_000;
const LACKS = "kubelet,metrics,simulator";

const stopping = new AbortController();

function runCases(kubeconfig, lacks) {
  const env = { ...process.env, PARLEY_CONFORMANCE_KUBECONFIG: kubeconfig, PARLEY_CONFORMANCE_LACKS: lacks };
  const args = [tool("vitest", "vitest.mjs"), "run", "--project", "integration", "test/conformance/cluster"];
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: "inherit" });
  stopping.signal.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

/** The one that is built here; the modules that build it are loaded late, so that help needs nothing. */
async function withOwnServer(lacks) {
  const { apiServerPrograms } = await import("../deploy/k8s/api-server-programs.mjs");
  const { startApiServer, untilReady } = await import("../deploy/k8s/api-server.mjs");
  const programs = await apiServerPrograms({ signal: stopping.signal, say });
  const server = await startApiServer(programs, { others: OTHERS, say });
  try {
    await untilReady(server, { deadlineMs: READY_MS, signal: stopping.signal });
    say(`kube-apiserver ${programs.version} is held against the cases.`);
    return await runCases(server.kubeconfig, lacks ?? `controllers,${LACKS}`);
  } finally {
    server.stop();
  }
}

async function main(args) {
  const { values } = parseArgs({ args, options: { lacks: { type: "string" } } });
  const given = process.env.KUBECONFIG;
  if (given === undefined || given === "") return withOwnServer(values.lacks);
  return runCases(path.resolve(given), values.lacks ?? LACKS);
}

giveHelp(process.argv.slice(2), usage);
for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => stopping.abort());
process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  say(stopping.signal.aborted ? "Stopped." : describeFailure(error));
  return 1;
});
