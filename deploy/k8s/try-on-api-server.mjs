import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { findProgram, run } from "../../scripts/setup/commands.mjs";
import { root } from "../../scripts/setup/paths.mjs";
import { startApiServer, untilReady } from "./api-server.mjs";
import { apiServerPrograms } from "./api-server-programs.mjs";
import { findGo } from "./go-build.mjs";

// Starts a real kube-apiserver without a cluster behind it, and lets it judge the overlays: defaults, validation, admission (the restricted
// Pod Security level included), and what the tools' service account may do.
//   node deploy/k8s/try-on-api-server.mjs [--stay]     # --stay: leaves it running until Ctrl-C, and says how to reach it

const OVERLAYS = ["dev", "tilt", "prod"];
const READY_MS = 90_000;
const COMMAND_MS = 2 * 60_000;
/** Modules that bring the definitions of kinds which the overlays use. */
const DEFINITIONS = [
  { module: "sigs.k8s.io/gateway-api@v1.2.1", folder: "config/crd/standard" },
  { module: "github.com/kedacore/keda/v2@v2.18.0", folder: "config/crd/bases" },
];
/** What the tools may do, and what they must not. */
const RIGHTS = [
  ...["list pods", "get pods --subresource=log", "list deployments.apps", "list nodes"].map((verb) => [verb, "yes"]),
  ...["get secrets", "delete pods", "create pods", "patch deployments.apps", "create pods --subresource=exec"].map(
    (verb) => [verb, "no"],
  ),
];

const stopping = new AbortController();
const say = (line) => process.stdout.write(`${line}\n`);

function kubectlWith(kubectl, kubeconfig) {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  return (...args) => run(kubectl, args, { cwd: root, env, timeoutMs: COMMAND_MS, signal: stopping.signal });
}

async function must(asked) {
  const { code, output } = await asked;
  if (code !== 0) throw new Error(output.trim().split("\n").at(-1) ?? "kubectl failed");
  return output;
}

async function addDefinitions(ask) {
  for (const { module, folder } of DEFINITIONS) {
    const { output } = await run(findGo() ?? "go", ["mod", "download", "-json", module], { cwd: tmpdir() });
    const { Dir: where } = JSON.parse(output);
    await must(ask("apply", "--server-side", "-f", path.join(where, folder)));
  }
  // Kinds are served a moment after they were defined.
  await must(ask("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"));
}

/** What the server said about an overlay, as the row of a table. */
async function tryOverlay(ask, name) {
  const overlay = path.join("deploy/k8s/overlays", name);
  const { code, output } = await ask("apply", "--dry-run=server", "--server-side", "--validate=strict", "-k", overlay);
  const lines = output.trim().split("\n");
  const accepted = lines.filter((line) => line.includes("serverside-applied")).length;
  const said = lines.filter((line) => !line.includes("serverside-applied"));
  for (const line of said) say(`    ${line}`);
  return {
    what: `overlay ${name}`,
    isGood: code === 0 && said.length === 0,
    says: `${accepted} objects accepted, ${said.length} complaints`,
  };
}

async function tryRights(ask) {
  await must(ask("apply", "--server-side", "-k", "deploy/k8s/overlays/dev"));
  const rows = [];
  for (const [right, expected] of RIGHTS) {
    const words = right.split(" ");
    const { output } = await ask("auth", "can-i", ...words, "-A", "--as=system:serviceaccount:parley:tool-worker");
    const answer = output.trim().split("\n").at(-1);
    rows.push({ what: `tools may ${right}`, isGood: answer === expected, says: answer });
  }
  return rows;
}

async function tryBadPod(ask, folder) {
  const file = path.join(folder, "bad-pod.json");
  const spec = { containers: [{ name: "bad", image: "bad" }] };
  writeFileSync(
    file,
    JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "bad", namespace: "parley" }, spec }),
  );
  const { code, output } = await ask("create", "--dry-run=server", "-f", file);
  const isGood = code !== 0 && output.includes("violates PodSecurity");
  return { what: "a pod that is not restricted", isGood, says: isGood ? "refused" : "not refused" };
}

async function judge(ask, folder) {
  await addDefinitions(ask);
  await must(ask("apply", "--server-side", "-f", "deploy/k8s/base/namespace.yaml"));
  const rows = [];
  for (const name of OVERLAYS) rows.push(await tryOverlay(ask, name));
  rows.push(await tryBadPod(ask, folder), ...(await tryRights(ask)));
  const width = Math.max(...rows.map(({ what }) => what.length));
  for (const { what, isGood, says } of rows) say(`  ${isGood ? "ok    " : "FAILED"}  ${what.padEnd(width)}  ${says}`);
  return rows.every(({ isGood }) => isGood);
}

async function main() {
  const { values } = parseArgs({ options: { stay: { type: "boolean", default: false } } });
  const kubectl = findProgram(["kubectl"]);
  if (kubectl === undefined) throw new Error("There is no kubectl here: install it first.");
  const programs = await apiServerPrograms({ signal: stopping.signal, say });
  const server = await startApiServer(programs, { say });
  const { folder, kubeconfig } = server;
  try {
    await untilReady(server, { deadlineMs: READY_MS, signal: stopping.signal });
    const isGood = await judge(kubectlWith(kubectl, kubeconfig), folder);
    say(
      isGood
        ? `Kubernetes ${programs.version} accepts everything.`
        : `Kubernetes ${programs.version} complains: see above.`,
    );
    if (values.stay) {
      say(`It runs until Ctrl-C: export KUBECONFIG=${kubeconfig}`);
      await sleep(2 ** 31 - 1, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    return isGood ? 0 : 1;
  } finally {
    server.stop();
  }
}

for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => stopping.abort());
process.exitCode = await main().catch((error) => {
  say(stopping.signal.aborted ? "Stopped." : error.message);
  return 1;
});
