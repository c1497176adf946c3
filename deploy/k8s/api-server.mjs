import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Who a token is: `user` and `groups` as RBAC knows them. */
const ADMIN = { token: "admin", user: "admin", groups: ["system:masters"] };

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

function start(program, args, { children, say }) {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  let last = "";
  child.stderr.on("data", (bytes) => (last = `${last}${bytes}`.slice(-2_000)));
  child.once("exit", (code) => {
    if (code !== null && code !== 0)
      say(`  ${path.basename(program)} ended with ${code}: ${last.trim().split("\n").at(-1)}`);
  });
}

async function startEtcd({ etcd }, folder, context) {
  const [client, peer] = [await freePort(), await freePort()];
  const urls = { client: `http://127.0.0.1:${client}`, peer: `http://127.0.0.1:${peer}` };
  const data = ["--data-dir", path.join(folder, "etcd"), "--unsafe-no-fsync"];
  const network = [
    ...["--listen-client-urls", urls.client, "--advertise-client-urls", urls.client],
    ...["--listen-peer-urls", urls.peer, "--initial-advertise-peer-urls", urls.peer],
  ];
  start(etcd, [...data, ...network, "--initial-cluster", `default=${urls.peer}`], context);
  return urls.client;
}

/** A context for each user, named as the user. */
function kubeconfigOf(port, users) {
  const cluster = { server: `https://127.0.0.1:${port}`, "insecure-skip-tls-verify": true };
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "try", cluster }],
    users: users.map(({ user, token }) => ({ name: user, user: { token } })),
    contexts: users.map(({ user }) => ({ name: user, context: { cluster: "try", user } })),
    "current-context": ADMIN.user,
  };
}

/**
 * Starts a kube-apiserver on the loopback without a cluster behind it: no controller, no scheduler, no kubelet. `others` have tokens beside the
 * administrator's; their rights are whatever RBAC gives them. Returns the kubeconfig's path, and `stop`, which leaves nothing behind.
 */
export async function startApiServer(programs, { others = [], say }) {
  const folder = mkdtempSync(path.join(tmpdir(), "parley-api-server-"));
  const children = [];
  const stop = () => {
    for (const child of children.toReversed()) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const context = { children, say };
    const store = await startEtcd(programs, folder, context);
    const port = await freePort();
    const users = [ADMIN, ...others];
    const key = path.join(folder, "service-accounts.key");
    execFileSync("openssl", ["genrsa", "-out", key, "2048"], { stdio: "ignore" });
    const tokens = path.join(folder, "tokens.csv");
    const rows = users.map(({ token, user, groups }) => `${token},${user},${user},"${groups.join(",")}"`);
    writeFileSync(tokens, `${rows.join("\n")}\n`, { mode: 0o600 });
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
      context,
    );
    const kubeconfig = path.join(folder, "kubeconfig");
    writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(port, users)), { mode: 0o600 });
    return { folder, kubeconfig, address: `https://127.0.0.1:${port}`, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

function isReady(address) {
  return new Promise((resolve) => {
    const asked = get(`${address}/readyz`, { rejectUnauthorized: false, agent: false, timeout: 2_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.once("timeout", () => asked.destroy());
    asked.once("error", () => resolve(false));
  });
}

/** Resolves when the server answers that it is ready; throws when it does not in time. */
export async function untilReady({ address }, { deadlineMs, signal }) {
  const deadline = performance.now() + deadlineMs;
  while (performance.now() < deadline) {
    if (await isReady(address)) return;
    await sleep(500, undefined, { signal });
  }
  throw new Error(`The API server was not ready within ${deadlineMs / 1_000} s.`);
}
