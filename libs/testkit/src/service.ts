import path from "node:path";
import { type Agent, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { type BrokerRole, signedIn } from "./broker-roles.ts";
import { freePort } from "./free-port.ts";
import { type ProcessOptions, type ProcessUnderTest, startProcess } from "./process-under-test.ts";
import { repositoryRoot } from "./repository.ts";
import { bareEnvironment, encryptionSettings } from "./test-environment.ts";

const ANSWER_DEADLINE_MS = 2000;

export type ServiceName = "edge" | "agent-worker" | "tool-worker" | "model-simulator" | "cluster-simulator";

/** A service of this repository as a process of its own, on loopback. */
export type Service = ProcessUnderTest & {
  readonly port: number;
  readonly adminPort: number;
  readonly env: Readonly<Record<string, string>>;
};

const roleOf: Partial<Record<ServiceName, BrokerRole>> = {
  edge: "edge",
  "agent-worker": "agent",
  "tool-worker": "tool",
};

/** Its environment, with the addresses of brokers as its role has them. */
export function asItsRole(name: ServiceName, env: Record<string, string>): Record<string, string> {
  const role = roleOf[name];
  if (role === undefined) return env;
  const addresses = ["NATS_URL", "REDIS_URL"].flatMap((key) => {
    const address = env[key];
    return address === undefined ? [] : [[key, signedIn(address, role)] as const];
  });
  return { ...env, ...Object.fromEntries(addresses) };
}

/** Where `/readyz` is served: the simulators have no admin port. */
function readinessUrl(name: ServiceName, port: number, adminPort: number): URL {
  if (name === "model-simulator") return new URL(`http://127.0.0.1:${port}/readyz`);
  if (name === "cluster-simulator") return new URL(`https://127.0.0.1:${port}/readyz`);
  return new URL(`http://127.0.0.1:${adminPort}/readyz`);
}

function isReady(url: URL): Promise<boolean> {
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  // The cluster simulator signs its own certificate, anew at each start.
  const options: { agent: Agent | false; timeout: number; rejectUnauthorized: boolean } = {
    agent: false,
    timeout: ANSWER_DEADLINE_MS,
    rejectUnauthorized: false,
  };
  return new Promise((resolve, reject) => {
    const asked = request(url, options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once("timeout", () => asked.destroy(new Error(`${url.href} did not answer`)));
    asked.once("error", reject);
    asked.end();
  });
}

/** What is loaded before a service may rewrite or look into its modules: such a one gets them one by one, as the compiler wrote them. */
function entryFor({ NODE_OPTIONS = "" }: Record<string, string>): string[] {
  return NODE_OPTIONS.includes("--import") ? ["main.js"] : ["bundle", "main.mjs"];
}

/**
 * Starts `services/<name>` (its build) with this environment and waits until it says that it is ready. PORT and ADMIN_PORT
 * are free ones unless given; of the caller's own environment it gets PATH and HOME only.
 */
export async function startService(
  name: ServiceName,
  env: Record<string, string> = {},
  { startDeadlineMs }: Pick<ProcessOptions, "startDeadlineMs"> = {},
): Promise<Service> {
  const port = Number(env["PORT"] ?? (await freePort()));
  const adminPort = Number(env["ADMIN_PORT"] ?? (await freePort()));
  const fullEnv = {
    ...bareEnvironment(),
    HOST: "127.0.0.1",
    ...(roleOf[name] === undefined ? {} : encryptionSettings()),
    ...asItsRole(name, env),
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
  };
  const url = readinessUrl(name, port, adminPort);
  const service = await startProcess({
    name,
    command: process.execPath,
    args: [path.join(repositoryRoot, "services", name, "dist", ...entryFor(env))],
    env: fullEnv,
    cwd: repositoryRoot,
    isReady: () => isReady(url),
    ...(startDeadlineMs === undefined ? {} : { startDeadlineMs }),
  });
  return Object.assign(service, { port, adminPort, env: fullEnv });
}
