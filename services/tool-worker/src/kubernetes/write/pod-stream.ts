import type { RequestOptions } from "node:https";
import { WebSocket, type ClientOptions, type RawData } from "ws";
import { z } from "zod";
import { StatusError } from "../access-failure.ts";
import type { Access } from "../kubeconfig.ts";

export interface PodCommand {
  /** With the query. */
  readonly path: string;
  readonly access: Access;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly signal: AbortSignal;
  /** Of both its outputs together; what comes after it is not kept. */
  readonly maxBytes: number;
}

export interface CommandEnd {
  readonly output: string;
  /** There was more. */
  readonly isCut: boolean;
  /** Undefined: the connection ended before the command said so. */
  readonly exit: { readonly code: number; readonly says: string } | undefined;
}

/** Newest first. In the newest one an end of input could be told; none of these commands gets any. */
const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
/** The first byte of a message. */
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;

const maxMessageBytes = 1024 * 1024;
const connectMs = 5_000;

/**
 * Runs a command in a pod over a WebSocket, without input. Rejects with a StatusError where the server refuses it, and as the socket does where there is no
 * connection: then nothing ran. The client library has this too, but an answer that it cannot read is thrown out of an event listener there, which ends
 * the process, and it knows no bounds.
 */
export async function runInPod({ path, access, headers, signal, maxBytes }: PodCommand): Promise<CommandEnd> {
  const { config } = access;
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const server = config.getCurrentCluster()?.server ?? "";
  const url = `${server.replace(/^http/, "ws").replace(/\/+$/, "")}${path}`;
  const given: ClientOptions = {
    ...clientOptionsOf(options),
    // Headers of several values are no options of a socket.
    finishRequest(request) {
      for (const [name, value] of [...Object.entries(options.headers ?? {}), ...Object.entries(headers)])
        if (typeof value === "string" || Array.isArray(value)) request.setHeader(name, value);
      request.end();
    },
    ...{ handshakeTimeout: connectMs, maxPayload: maxMessageBytes, perMessageDeflate: false },
  };
  signal.throwIfAborted();
  const socket = new WebSocket(url, PROTOCOLS, given);
  const onAbort = (): void => socket.terminate();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await ended(socket, maxBytes);
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.terminate();
  }
}

function clientOptionsOf({
  ca,
  cert,
  key,
  agent,
  auth,
  rejectUnauthorized,
  servername,
}: RequestOptions): ClientOptions {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(typeof agent === "object" && { agent }),
    ...(typeof auth === "string" && { auth }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    ...(servername !== undefined && { servername }),
  };
}

function ended(socket: WebSocket, maxBytes: number): Promise<CommandEnd> {
  const parts: Buffer[] = [];
  let bytes = 0;
  let isCut = false;
  let exit: CommandEnd["exit"];
  const keep = (part: Buffer): void => {
    isCut ||= bytes + part.length > maxBytes;
    parts.push(part.subarray(0, Math.max(0, maxBytes - bytes)));
    bytes += part.length;
  };
  const endOf = (): CommandEnd => ({ output: Buffer.concat(parts).toString(), isCut, exit });
  return new Promise((resolve, reject) => {
    let isOpen = false;
    socket.on("open", () => {
      isOpen = true;
    });
    socket.on("unexpected-response", (_request, response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        if (body.length < maxMessageBytes) body += part;
      });
      response.on("close", () => reject(new StatusError(response.statusCode ?? 0, body)));
    });
    socket.on("message", (data: RawData) => {
      const message = bytesOf(data);
      const channel = message[0];
      if (channel === STDOUT || channel === STDERR) keep(message.subarray(1));
      else if (channel === STATUS) exit ??= exitOf(message.subarray(1).toString());
      if (exit !== undefined) resolve(endOf());
    });
    // Once it was open the command may have run, whatever becomes of the connection.
    socket.on("error", (error) => (isOpen ? resolve(endOf()) : reject(error)));
    socket.on("close", () => resolve(endOf()));
  });
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

const Status = z.object({
  status: z.string(),
  message: z.string().default(""),
  details: z
    .object({
      causes: z.array(z.object({ reason: z.string().default(""), message: z.string().default("") })).default([]),
    })
    .optional(),
});

/** Undefined: it cannot be read, so nobody knows. */
function exitOf(text: string): CommandEnd["exit"] {
  const status = Status.safeParse(parsed(text)).data;
  if (status === undefined) return undefined;
  if (status.status === "Success") return { code: 0, says: "" };
  const cause = status.details?.causes.find(({ reason }) => reason === "ExitCode");
  const code = Number(cause?.message ?? NaN);
  return Number.isInteger(code) ? { code, says: "" } : { code: -1, says: status.message };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
