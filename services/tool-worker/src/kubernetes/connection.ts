import { createHash } from "node:crypto";
import type { RequestOptions as HttpsOptions } from "node:https";
import { HttpMethod, RequestContext, type KubeConfig } from "@kubernetes/client-node";
import { Agent, ProxyAgent, type Dispatcher } from "undici";
import type { Access } from "./kubeconfig.ts";

export interface WireRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
  /** Until the answer begins; 0: as long as it takes. */
  readonly answerMs: number;
  readonly maxBytes: number;
}

export interface WireAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  readonly bytes: Buffer;
  /** There was more than `maxBytes`. */
  readonly isCut: boolean;
}

/** Long enough that the calls of one turn share a connection, short enough for the load balancers between. */
const keepAliveMs = 30_000;
const connectMs = 5_000;

export type Connection = ReturnType<typeof createConnection>;

/**
 * The one way to an API server as one identity: its connections are kept alive and shared by all calls. Certificates and tokens are read for each
 * request, as they are renewed in their files; only when those of TLS have changed there are new connections. The client library makes new ones for each
 * request, and knows no header of several values, which impersonation needs.
 */
export function createConnection({ config }: Pick<Access, "config">) {
  let kept: { readonly fingerprint: string; readonly dispatcher: Promise<Dispatcher> } | undefined;

  /** An old one is not closed: whoever got it may be about to use it, and its connections end when they have been idle. */
  const dispatcherFor = (options: HttpsOptions): Promise<Dispatcher> => {
    const fingerprint = fingerprintOf(options);
    if (kept?.fingerprint !== fingerprint) kept = { fingerprint, dispatcher: createDispatcher(config, options) };
    return kept.dispatcher;
  };

  return {
    async send({ method, path, headers, body, signal, answerMs, maxBytes }: WireRequest): Promise<WireAnswer> {
      const options: HttpsOptions = {};
      await config.applyToHTTPSOptions(options);
      const dispatcher = await dispatcherFor(options);
      const { origin, prefix } = addressOf(config);
      const answer = await dispatcher.request({
        ...{ origin, path: `${prefix}${path}`, method, signal, headersTimeout: answerMs },
        headers: { ...credentialsOf(options), ...headers },
        ...(body === undefined ? {} : { body }),
      });
      const { bytes, isCut } = await beginningOf(answer.body, maxBytes);
      return { status: answer.statusCode, header: (name) => firstOf(answer.headers[name]), bytes, isCut };
    },
  };
}

/** Of what makes a connection another one. */
function fingerprintOf({ ca, cert, key, rejectUnauthorized, servername }: HttpsOptions): string {
  const hash = createHash("sha256");
  for (const part of [ca, cert, key, rejectUnauthorized, servername]) hash.update(`${JSON.stringify(part ?? null)}\n`);
  return hash.digest("base64");
}

async function createDispatcher(config: KubeConfig, options: HttpsOptions): Promise<Dispatcher> {
  const { proxyUrl } = config.getCurrentCluster() ?? {};
  const requestTls = { ...tlsOf(options), timeout: connectMs };
  if (proxyUrl === undefined) return new Agent({ keepAliveTimeout: keepAliveMs, connect: requestTls });
  if (proxyUrl.startsWith("socks")) return socksDispatcher(config);
  const connect = { timeout: connectMs };
  return new ProxyAgent({ keepAliveTimeout: keepAliveMs, uri: proxyUrl, requestTls, connect });
}

function tlsOf({ ca, cert, key, rejectUnauthorized, servername }: HttpsOptions) {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    ...(servername === undefined ? {} : { servername }),
  };
}

/** The client library has the only connector for it. */
async function socksDispatcher(config: KubeConfig): Promise<Dispatcher> {
  const context = new RequestContext(config.getCurrentCluster()?.server ?? "", HttpMethod.GET);
  await config.applySecurityAuthentication(context);
  return context.getDispatcher() ?? new Agent();
}

/** A server may be below a path, as that of a proxy of many clusters is. */
function addressOf(config: KubeConfig): { origin: string; prefix: string } {
  const { origin, pathname } = new URL(config.getCurrentCluster()?.server ?? "");
  return { origin, prefix: pathname.replace(/\/+$/, "") };
}

function credentialsOf({ headers, auth }: HttpsOptions): Record<string, string> {
  const given = Object.entries(headers ?? {}).flatMap(([name, value]) =>
    // The client library leaves the line end of a token's file in it.
    typeof value === "string" ? [[name, value.trim()] as const] : [],
  );
  const basic =
    auth === undefined || auth === null ? {} : { Authorization: `Basic ${Buffer.from(auth).toString("base64")}` };
  return { ...basic, ...Object.fromEntries(given) };
}

function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

async function beginningOf(
  body: Dispatcher.ResponseData["body"],
  maxBytes: number,
): Promise<{ bytes: Buffer; isCut: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of body) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    chunks.push(bytes);
    size += bytes.length;
    if (size > maxBytes) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), isCut: size > maxBytes };
}
