import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { authorize, impersonated } from "./access/authorize.ts";
import { authenticate, type User } from "./access/users.ts";
import { actionOf } from "./api/api.ts";
import { runProgram } from "./api/exec-programs.ts";
import { chooseContainer, startedStatus } from "./api/log-request.ts";
import { readResourcePath } from "./api/request-path.ts";
import { ApiStatus, badRequest, notFound, statusBody, unknownPath } from "./api-status.ts";
import type { Cluster } from "./cluster.ts";
import type { JsonObject } from "./json.ts";
import type { KubeObject } from "./kube-object.ts";
import { placeKey } from "./store/resource-kind.ts";

const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
/** The first byte of a message says which stream it belongs to. */
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;

type Exec = { pod: KubeObject; container: string; command: string[] };
type ExecDeps = { cluster: Cluster; users: readonly User[]; stopping: AbortSignal };

/** `pods/<name>/exec` over a WebSocket, as clients of today speak it. */
export function createExecServer({ cluster, users, stopping }: ExecDeps) {
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => PROTOCOLS.find((name) => offered.has(name)) ?? false,
  });

  function prepare(req: IncomingMessage): Exec {
    cluster.settle();
    const url = new URL(`https://simulator${req.url ?? "/"}`);
    const path = readResourcePath(url.pathname);
    if (path?.plural !== "pods" || path.subresource !== "exec") throw unknownPath();
    const identity = impersonated(authenticate(users, req.headers.authorization), req.headers);
    // Whoever may only read must not open a shell because an upgrade happens to be a GET.
    for (const method of ["GET", "POST"]) authorize(identity, actionOf({ method, url }, path));
    const name = path.name ?? "";
    const pod = cluster.store.get(cluster.kinds.named("Pod"), placeKey({ namespace: path.namespace, name }));
    if (pod === undefined) throw notFound("pods", "", name);
    const container = chooseContainer(pod, url.searchParams.get("container"));
    startedStatus(pod, container);
    const command = url.searchParams.getAll("command");
    if (command.length === 0) throw badRequest("you must specify at least one command for the container");
    return { pod, container, command };
  }

  return {
    upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
      socket.on("error", () => socket.destroy());
      try {
        const exec = prepare(req);
        sockets.handleUpgrade(req, socket, head, (ws) => void run(ws, exec, { cluster, stopping }));
      } catch (error) {
        refuse(socket, error);
      }
    },
  };
}

async function run(
  ws: WebSocket,
  { pod, container, command }: Exec,
  { cluster, stopping }: Omit<ExecDeps, "users">,
): Promise<void> {
  const gone = new AbortController();
  ws.on("close", () => gone.abort());
  ws.on("error", () => gone.abort());
  const write = (channel: number, text: string): void => {
    if (ws.readyState === ws.OPEN) ws.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text, "utf8")]));
  };
  const [name = "", ...args] = command;
  const code = await runProgram(name, {
    args,
    pod,
    container,
    nowMs: cluster.now(),
    out: (text) => write(STDOUT, text),
    err: (text) => write(STDERR, text),
    signal: AbortSignal.any([gone.signal, stopping]),
  });
  write(ERROR, JSON.stringify(endOf(code, name)));
  ws.close(1_000);
}

/** How it ended, as the kubelet says it. */
function endOf(code: number | undefined, name: string): JsonObject {
  if (code === 0) return { metadata: {}, status: "Success" };
  if (code === undefined) {
    const message = `error executing command in container: failed to exec in container: exec: "${name}": executable file not found in $PATH: unknown`;
    return { metadata: {}, status: "Failure", message, reason: "InternalError", code: 500 };
  }
  const causes = [{ reason: "ExitCode", message: String(code) }];
  return {
    metadata: {},
    status: "Failure",
    reason: "NonZeroExitCode",
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes },
  };
}

/** Before the upgrade, a refusal is an ordinary answer. */
function refuse(socket: Duplex, error: unknown): void {
  const status =
    error instanceof ApiStatus ? error : new ApiStatus(500, "InternalError", "the simulated cluster failed");
  const body = JSON.stringify(statusBody(status));
  socket.end(
    [
      `HTTP/1.1 ${status.code} ${status.reason}`,
      "content-type: application/json",
      `content-length: ${Buffer.byteLength(body)}`,
      "connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}
