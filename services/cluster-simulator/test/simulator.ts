import { request } from "node:https";
import { AppsV1Api, CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { createLogger, listen } from "@parley/runtime";
import type { Role } from "../src/access/roles.ts";
import { createUsers } from "../src/access/users.ts";
import { createCertificates } from "../src/certificates.ts";
import { createCluster } from "../src/cluster.ts";
import { kubeconfigText } from "../src/kubeconfig.ts";
import { createClusterServer } from "../src/server.ts";

const START_MS = Date.parse("2026-03-01T12:00:00Z");

export type Reply = { status: number; headers: Record<string, unknown>; text: string; json: () => unknown };
export type Call = {
  role?: Role | "nobody";
  method?: string;
  accept?: string;
  body?: unknown;
  contentType?: string;
  headers?: Record<string, string | string[]>;
};

let known: ReturnType<typeof createCertificates> | undefined;

/** A real TLS server on a free port, whose clock the test moves. */
export async function startSimulator() {
  let nowMs = START_MS;
  const cluster = createCluster(() => nowMs);
  const users = createUsers();
  const certificates = await (known ??= createCertificates());
  const log = createLogger({ service: "cluster-simulator", level: "silent", format: "json" });
  const simulator = createClusterServer({ cluster, users, certificates, log });
  const listener = await listen(simulator.server, { host: "127.0.0.1", port: 0, variable: "PORT" });
  const address = `https://127.0.0.1:${listener.port}`;
  const kubeconfig = kubeconfigText(address, certificates.caCert, users);

  function tokenOf(role: Call["role"]): string {
    return users.find((user) => user.role === role)?.token ?? "nobody's";
  }

  return {
    kubeconfig,
    advance(ms: number): void {
      nowMs += ms;
    },
    core: (role: Role) => clientConfig(kubeconfig, role).makeApiClient(CoreV1Api),
    apps: (role: Role) => clientConfig(kubeconfig, role).makeApiClient(AppsV1Api),
    call: (path: string, { role = "reader", ...options }: Call = {}) =>
      call(address + path, certificates.caCert, tokenOf(role), options),
    async [Symbol.asyncDispose]() {
      simulator.stop();
      await listener.close();
    },
  };
}

function clientConfig(text: string, role: Role): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(text);
  config.setCurrentContext(role);
  return config;
}

function call(url: string, ca: string, token: string, options: Omit<Call, "role">): Promise<Reply> {
  const { method = "GET", accept = "application/json", body, headers: more } = options;
  const { contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json" } = options;
  const headers = { authorization: `Bearer ${token}`, accept, "content-type": contentType, ...more };
  return new Promise((resolve, reject) => {
    const req = request(url, { method, ca, headers, agent: false }, (res) => {
      let text = "";
      res.setEncoding("utf8");
      res.on("data", (part: string) => {
        text += part;
      });
      res.on("error", reject);
      res.on("end", () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: () => JSON.parse(text) as unknown }),
      );
    });
    req.on("error", reject);
    req.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
