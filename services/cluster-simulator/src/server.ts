import { createServer } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Logger, readBody, sleep } from "@parley/runtime";
import { parse as parseYaml } from "yaml";
import { impersonated } from "./access/authorize.ts";
import { authenticate, type User } from "./access/users.ts";
import { createApi } from "./api/api.ts";
import type { ApiReply } from "./api/request.ts";
import { ApiStatus, badRequest, injectedStatus, methodNotAllowed, unsupportedMedia } from "./api-status.ts";
import type { Certificates } from "./certificates.ts";
import type { Cluster } from "./cluster.ts";
import { createFaults, Fault, type Faults } from "./faults.ts";
import { asJson, type Json, parseJson } from "./json.ts";
import { refusalOf, send } from "./replies.ts";

const MAX_CONNECTIONS = 1_000;
/** As an API server with etcd behind it. */
const MAX_BODY_BYTES = 3 * 1_048_576;
const PROBES = new Set(["/readyz", "/livez", "/healthz"]);

export type ClusterServerDeps = { cluster: Cluster; users: readonly User[]; certificates: Certificates; log: Logger };

/** The TLS server of the simulated API, not yet listening. */
export function createClusterServer({ cluster, users, certificates, log }: ClusterServerDeps) {
  const api = createApi(cluster);
  const faults = createFaults();
  const stopping = new AbortController();

  async function answer(req: IncomingMessage, fault: Fault | undefined, warnings: string[]): Promise<ApiReply> {
    const url = new URL(`https://simulator${req.url ?? "/"}`);
    if (PROBES.has(url.pathname)) return { status: 200, text: "ok" };
    if (url.pathname === "/sim/faults") return changeFaults(faults, req);
    if (fault !== undefined) await suffer(fault, stopping.signal);
    const user = authenticate(users, req.headers.authorization);
    return api({
      method: req.method ?? "GET",
      url,
      accept: req.headers.accept ?? "",
      contentType: mediaType(req),
      userAgent: req.headers["user-agent"] ?? "",
      identity: impersonated(user, req.headers),
      body: () => readKubernetesBody(req),
      warn: (text) => warnings.push(text),
    });
  }

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const fault = faults.take(req.method ?? "GET", req.url ?? "/");
    const isCutAtOnce = fault?.cut_after_bytes === 0;
    if (isCutAtOnce && !fault.after_effect) {
      req.socket.destroy();
      return;
    }
    const warnings: string[] = [];
    const reply = await answer(req, fault, warnings).catch((error: unknown) => refusalOf(error, log));
    if (isCutAtOnce) req.socket.destroy();
    else await send(res, reply, { warnings, fault, signal: stopping.signal });
  }

  const server = createServer({ key: certificates.serverKey, cert: certificates.serverCert }, (req, res) => {
    serve(req, res).catch((error: unknown) => {
      // Of an answer that has begun, only its end can be shown to be missing.
      log.debug({ err: error }, "an answer was not finished");
      res.destroy();
    });
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
  return { status: 201, json: {} };
}

function mediaType(req: IncomingMessage): string {
  return (req.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
}

/** The JSON or YAML body, or undefined when there is none. Throws 400, 413 and 415 as the API server does. */
async function readKubernetesBody(req: IncomingMessage): Promise<Json | undefined> {
  const type = mediaType(req);
  const bytes = await readBody(req, MAX_BODY_BYTES);
  if (bytes === undefined) throw new ApiStatus(413, "RequestEntityTooLarge", `limit is ${MAX_BODY_BYTES}`);
  const text = bytes.toString("utf8");
  if (text.trim() === "") return undefined;
  if (type !== "" && !/json|yaml/.test(type)) throw unsupportedMedia(["application/json", "application/yaml"]);
  return decoded(text, type);
}

function decoded(text: string, type: string): Json {
  try {
    // JSON is YAML, but a large one is read far faster as what it is.
    return type.includes("yaml") && !text.startsWith("{")
      ? asJson(parseYaml(text, { maxAliasCount: 20 }))
      : parseJson(text);
  } catch (cause) {
    throw new ApiStatus(
      400,
      "BadRequest",
      `the body of the request cannot be read: ${cause instanceof Error ? cause.message.slice(0, 200) : ""}`,
    );
  }
}

function isLoopback(address = ""): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}
