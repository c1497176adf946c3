import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { findProgram, run } from "../../scripts/setup/commands.mjs";
import { root } from "../../scripts/setup/paths.mjs";
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
const TOKEN = "admin";
/** What the tools may do, and what they must not. */
const RIGHTS = [
  ...["list pods", "get pods --subresource=log", "list deployments.apps", "list nodes"].map((verb) => [verb, "yes"]),
  ...["get secrets", "delete pods", "create pods", "patch deployments.apps", "create pods --subresource=exec"].map(
    (verb) => [verb, "no"],
  ),
];

const stopping = new AbortController();
const say = (line) => process.stdout.write(`${line}\n`);

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function start(program, args, children) {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  let last = "";
  child.stderr.on("data", (bytes) => (last = `${last}${bytes}`.slice(-2_000)));
  child.once("exit", (code) => {
    if (code !== null && code !== 0)
      say(`  ${path.basename(program)} ended with ${code}: ${last.trim().split("\n").at(-1)}`);
  });
}

async function startEtcd({ etcd }, folder, children) {
  const [client, peer] = [await freePort(), await freePort()];
  const urls = { client: `http://127.0.0.1:${client}`, peer: `http://127.0.0.1:${peer}` };
  const data = ["--data-dir", path.join(folder, "etcd"), "--unsafe-no-fsync"];
  const network = [
    ...["--listen-client-urls", urls.client, "--advertise-client-urls", urls.client],
    ...["--listen-peer-urls", urls.peer, "--initial-advertise-peer-urls", urls.peer],
  ];
  start(etcd, [...data, ...network, "--initial-cluster", `default=${urls.peer}`], children);
  return urls.client;
}

async function startApiServer(programs, folder, children) {
  const store = await startEtcd(programs, folder, children);
  const port = await freePort();
  const key = path.join(folder, "service-accounts.key");
  execFileSync("openssl", ["genrsa", "-out", key, "2048"], { stdio: "ignore" });
  const tokens = path.join(folder, "tokens.csv");
  writeFileSync(tokens, `${TOKEN},admin,admin,"system:masters"\n`);
  start(
    programs.apiServer,
    [
      `--etcd-servers=${store}`,
      ...["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", `--secure-port=${port}`],
      ...[`--cert-dir=${path.join(folder, "certificates")}`, "--service-cluster-ip-range=10.0.0.0/24"],
      ...["--service-account-issuer=https://kubernetes.default.svc", `--service-account-key-file=${key}`],
      ...[`--service-account-signing-key-file=${key}`, "--authorization-mode=RBAC", `--token-auth-file=${tokens}`],
      // No controller makes the accounts' tokens here.
      "--disable-admission-plugins=ServiceAccount",
    ],
    children,
  );
  const kubeconfig = path.join(folder, "kubeconfig");
  const cluster = { server: `https://127.0.0.1:${port}`, "insecure-skip-tls-verify": true };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "try", cluster }],
    users: [{ name: "admin", user: { token: TOKEN } }],
    contexts: [{ name: "try", context: { cluster: "try", user: "admin" } }],
    "current-context": "try",
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  return kubeconfig;
}

function kubectlWith(kubectl, kubeconfig) {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  return (...args) => run(kubectl, args, { cwd: root, env, timeoutMs: COMMAND_MS, signal: stopping.signal });
}

async function untilReady(ask) {
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline) {
    if ((await ask("get", "--raw", "/readyz")).code === 0) return;
    await sleep(500, undefined, { signal: stopping.signal });
  }
  throw new Error(`The API server was not ready within ${READY_MS / 1_000} s.`);
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
  await untilReady(ask);
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
  const folder = mkdtempSync(path.join(tmpdir(), "parley-api-server-"));
  const children = [];
  try {
    const kubeconfig = await startApiServer(programs, folder, children);
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
    for (const child of children.toReversed()) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => stopping.abort());
process.exitCode = await main().catch((error) => {
  say(stopping.signal.aborted ? "Stopped." : error.message);
  return 1;
});
