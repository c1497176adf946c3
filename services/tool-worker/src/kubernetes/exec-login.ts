import type { Cluster, User } from "@kubernetes/client-node";
import { AsyncLocalStorage } from "node:async_hooks";
import { spawn } from "node:child_process";
import path from "node:path";
import { z } from "zod";
import { AccessError } from "./access-failure.ts";

/** What a kubeconfig says of the program that logs in (client.authentication.k8s.io). */
const Exec = z.object({
  apiVersion: z.string().default("client.authentication.k8s.io/v1"),
  command: z.string().min(1),
  args: z.array(z.coerce.string()).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.coerce.string() })).nullish(),
  provideClusterInfo: z.boolean().nullish(),
});
type Exec = z.output<typeof Exec>;

const Credential = z.object({
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.string().optional(),
  }),
});
type Login = z.output<typeof Credential>["status"];

const maxOutputBytes = 1024 * 1024;
/** Of what the program complains of, for the log. */
const maxComplaintBytes = 4_096;
/** A login that ends during a request is of no use. */
const leewayMs = 5_000;

interface UsedLogin {
  readonly login: Login;
  readonly isNew: boolean;
}

export type ExecLogin = ReturnType<typeof createExecLogin>;

interface Headed {
  headers?: unknown;
  cert?: unknown;
  key?: unknown;
}

export interface ExecLoginDeps {
  /** `users[].user.exec` of a kubeconfig. */
  readonly spec: unknown;
  readonly cluster: Cluster | null;
  /** Which the program inherits. */
  readonly env: NodeJS.ProcessEnv;
  /** Below the time of every tool that asks a cluster, so that its sentence can still be told. */
  readonly maxMs?: number;
}

const defaultMaxMs = 10_000;

/** Logs in with the program of a kubeconfig, one at a time, and keeps what it says until that ends or is refused. */
export function createExecLogin({ spec, cluster, env, maxMs = defaultMaxMs }: ExecLoginDeps) {
  /** The client library says nothing of the request that it wants a login for. */
  const sending = new AsyncLocalStorage<{ used?: UsedLogin }>();
  let known: Login | undefined;
  let running: Promise<Login> | undefined;

  const logIn = async (): Promise<Login> => {
    const exec = Exec.safeParse(spec);
    if (!exec.success) throw new AccessError("The login program in the tool worker's kubeconfig has no command.");
    const text = await output(exec.data, environment(exec.data, cluster, env), maxMs);
    known = readLogin(text, nameOf(exec.data));
    return known;
  };

  /** `isNew`: it was issued for this request. */
  const current = async (): Promise<UsedLogin> => {
    if (known !== undefined && !endsBefore(known, Date.now() + leewayMs)) return { login: known, isNew: false };
    running ??= logIn().finally(() => {
      running = undefined;
    });
    return { login: await running, isNew: true };
  };

  return {
    /** One request, with what it was sent as: another may have logged in again since. */
    attempt() {
      const sent: { used?: UsedLogin } = {};
      return {
        run: <T>(request: () => Promise<T>): Promise<T> => sending.run(sent, request),

        /** The cluster refused it. Returns whether another try may help, because it was not new. */
        refused(): boolean {
          if (sent.used?.login === known) known = undefined;
          return sent.used?.isNew === false;
        },

        /** Until when its login holds, if the program said so. */
        endsAt: (): Date | undefined => dateOf(sent.used?.login.expirationTimestamp),
      };
    },

    async apply(_user: User, options: Headed): Promise<void> {
      const used = await current();
      const sent = sending.getStore();
      if (sent !== undefined) sent.used = used;
      const { token, clientCertificateData, clientKeyData } = used.login;
      if (clientCertificateData !== undefined) options.cert = clientCertificateData;
      if (clientKeyData !== undefined) options.key = clientKeyData;
      if (token === undefined) return;
      const { headers } = options;
      options.headers = { ...(typeof headers === "object" ? headers : {}), Authorization: `Bearer ${token}` };
    },
  };
}

function dateOf(text: string | undefined): Date | undefined {
  const ms = Date.parse(text ?? "");
  return Number.isNaN(ms) ? undefined : new Date(ms);
}

function endsBefore({ expirationTimestamp }: Login, ms: number): boolean {
  const end = dateOf(expirationTimestamp);
  return end !== undefined && end.getTime() <= ms;
}

function nameOf({ command }: Exec): string {
  return path.basename(command).slice(0, 64);
}

function readLogin(text: string, name: string): Login {
  try {
    return Credential.parse(JSON.parse(text)).status;
  } catch {
    // The reason would quote what it said, and that may be a key.
    throw new AccessError(`The login program ${name} of the tool worker's kubeconfig did not say a login.`);
  }
}

/** Environment of a login program; without KUBERNETES_EXEC_INFO many refuse to run. */
function environment(
  { apiVersion, env, provideClusterInfo }: Exec,
  cluster: Cluster | null,
  inherited: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const { server, caData, tlsServerName, skipTLSVerify, proxyUrl } = cluster ?? {};
  const about = {
    ...{ server, "tls-server-name": tlsServerName, "insecure-skip-tls-verify": skipTLSVerify },
    ...{ "certificate-authority-data": caData, "proxy-url": proxyUrl },
  };
  const spec = { interactive: false, ...(provideClusterInfo === true ? { cluster: about } : {}) };
  const info = JSON.stringify({ apiVersion, kind: "ExecCredential", spec });
  const own = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
  return { ...inherited, ...own, KUBERNETES_EXEC_INFO: info };
}

/**
 * What the program says. It has nobody to ask, and its time is bounded. It leads a process group of its own, so that what it started
 * ends with it.
 */
function output(exec: Exec, env: NodeJS.ProcessEnv, maxMs: number): Promise<string> {
  const name = nameOf(exec);
  const told: Buffer[] = [];
  let bytes = 0;
  let complaint = "";
  return new Promise((resolve, reject) => {
    const child = spawn(exec.command, exec.args ?? [], { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const fail = (sentence: string, reason?: unknown): void => {
      clearTimeout(timer);
      end(child.pid);
      reject(new AccessError(`The login program ${name} of the tool worker's kubeconfig ${sentence}.`, reason));
    };
    const late = (): void => fail("did not answer in time; it may wait for a person to log in", complaint);
    const timer = setTimeout(late, maxMs);
    child.once("error", (error) => fail(startFailure(error), error));
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxOutputBytes) told.push(chunk);
      else fail("said too much");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString()}`.slice(-maxComplaintBytes);
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(Buffer.concat(told).toString());
      else fail(`failed (${code === null ? String(signal) : `exit code ${code}`})${adviceOn(complaint)}`, complaint);
    });
  });
}

function startFailure(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  if (code === "ENOENT") return "is not installed";
  return code === "EACCES" ? "may not be executed" : `cannot be started (${code})`;
}

/** Its own words may hold anything; these are the ones that matter. */
function adviceOn(complaint: string): string {
  if (/expired|has ended|invalid_grant|stale/i.test(complaint)) return ": its login has expired";
  return /log ?in|log ?on|sso|re-?auth|credential|unauthori[sz]ed|token/i.test(complaint)
    ? ": it is not logged in"
    : "";
}

function end(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
