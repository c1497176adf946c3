import { createServer } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Logger, readJsonBody, RequestBodyError, sleep } from "@parley/runtime";
import { authenticate, type User } from "./access.ts";
import { ApiStatus, badRequest, injectedStatus, methodNotAllowed, statusBody } from "./api-status.ts";
import { type ApiReply, createApi } from "./api.ts";
import type { Certificates } from "./certificates.ts";
import type { Cluster } from "./cluster.ts";
import { createFaults, Fault, type Faults } from "./faults.ts";

const MAX_CONNECTIONS = 1_000;
const PROBES = new Set(["/readyz", "/livez", "/healthz"]);

export type ClusterServerDeps = { cluster: Cluster; users: readonly User[]; certificates: Certificates; log: Logger };

/** The TLS server of the simulated API, not yet listening. */
export function createClusterServer({ cluster, users, certificates, log }: ClusterServerDeps) {
  const api = createApi(cluster);
  const faults = createFaults();
  const stopping = new AbortController();

  async function answer(req: IncomingMessage): Promise<ApiReply> {
    const url = new URL(`https://simulator${req.url ?? "/"}`);
    if (PROBES.has(url.pathname)) return { status: 200, text: "ok" };
    if (url.pathname === "/sim/faults") return changeFaults(faults, req);
    const fault = faults.take(req.url ?? "/");
    if (fault !== undefined) await suffer(fault, stopping.signal);
    const user = authenticate(users, req.headers.authorization);
    return api({
      method: req.method ?? "GET",
      url,
      accept: req.headers.accept ?? "",
      contentType: (req.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "",
      user,
      body: () => readKubernetesBody(req),
    });
  }

  const server = createServer({ key: certificates.serverKey, cert: certificates.serverCert }, (req, res) => {
    answer(req).then(
      (reply) => send(res, reply),
      (error: unknown) => send(res, refusalOf(error, log)),
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  return { server, stop: () => stopping.abort() };
}

async function suffer({ delay_ms: delayMs, status }: Fault, signal: AbortSignal): Promise<void> {
  if (delayMs > 0) await sleep(delayMs, signal);
  if (status !== undefined) throw injectedStatus(status);
}

/** For tests on the same machine; there is nothing to protect, but nobody else has a reason to come here. */
async function changeFaults(faults: Faults, req: IncomingMessage): Promise<ApiReply> {
  if (!isLoopback(req.socket.remoteAddress))
    throw new ApiStatus(403, "Forbidden", "faults are set from the same machine only");
  if (req.method === "DELETE") {
    faults.clear();
    return { status: 200, json: {} };
  }
  if (req.method !== "POST") throw methodNotAllowed();
  const fault = Fault.safeParse(await readKubernetesBody(req));
  if (!fault.success)
    throw badRequest(fault.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
  faults.add(fault.data);
  return { status: 201, json: fault.data };
}

/** The JSON body, or undefined when there is none. Throws 400, 413 and 415 as the API server does. */
async function readKubernetesBody(req: IncomingMessage): Promise<unknown> {
  const type = req.headers["content-type"] ?? "application/json";
  if (!/json/.test(type)) throw new ApiStatus(415, "UnsupportedMediaType", "the simulated cluster reads JSON only");
  return readJsonBody(req).catch((error: unknown) => {
    if (!(error instanceof RequestBodyError)) throw error;
    throw error.status === 413
      ? new ApiStatus(413, "RequestEntityTooLarge", error.message)
      : badRequest("the body is not JSON");
  });
}

function isLoopback(address = ""): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}

function refusalOf(error: unknown, log: Logger): ApiReply {
  if (error instanceof ApiStatus) return { status: error.code, json: statusBody(error) };
  log.error({ err: error }, "a request failed");
  return { status: 500, json: statusBody(new ApiStatus(500, "InternalError", "the simulated cluster failed")) };
}

function send(res: ServerResponse, reply: ApiReply): void {
  const [type, body] =
    "text" in reply ? ["text/plain; charset=utf-8", reply.text] : ["application/json", JSON.stringify(reply.json)];
  // Clients wait before they come back, as an API server under load asks of them.
  const retry = reply.status === 429 || reply.status === 503 ? { "retry-after": "1" } : {};
  res.writeHead(reply.status, { "content-type": type, "content-length": Buffer.byteLength(body), ...retry });
  res.end(body);
}
