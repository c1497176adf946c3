import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { z } from "zod";
import { readTls, type TlsFiles } from "./broker-tls.ts";
import { speaksNoTls, speaksOnlyTls, tlsFailure } from "./tls-failure.ts";

// Clients lose the reason why a connection with TLS fails: a server that refuses a certificate says so after the client's part of the handshake is over,
// and what the client writes meanwhile closes the connection before its words are read. So these shake hands and write nothing.

/** For each of the questions that are asked. */
const PROBE_MS = 1_500;
/** Within it a server says what it does not like, after the client's part of the handshake is over. */
const OBJECTION_MS = 300;

interface Place {
  readonly host: string;
  readonly port: number;
}

function placeOf(url: URL, defaultPort: number): Place {
  return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(url.port || defaultPort) };
}

/** What becomes of a handshake: it holds, or an error, or nothing at all. */
function shakeHands(options: ConnectionOptions): Promise<"holds" | "silence" | Error> {
  return new Promise((resolve) => {
    const socket = connectTls(options);
    const settle = (outcome: "holds" | "silence" | Error): void => {
      clearTimeout(deadline);
      socket.destroy();
      resolve(outcome);
    };
    let deadline = setTimeout(settle, PROBE_MS, "silence");
    socket.on("error", settle).once("close", () => settle(new Error("the connection was closed")));
    socket.once("secureConnect", () => {
      clearTimeout(deadline);
      deadline = setTimeout(settle, OBJECTION_MS, "holds");
    });
  });
}

/** The first bytes that a server sends when these are sent to it; undefined when none come. The socket goes on. */
function firstBytes(socket: Socket, greeting = ""): Promise<string | undefined> {
  return new Promise((resolve) => {
    const settle = (text?: string): void => {
      socket.removeAllListeners().on("error", () => {});
      socket.setTimeout(0);
      resolve(text);
    };
    socket.setTimeout(PROBE_MS, settle);
    socket.once("error", () => settle()).once("close", () => settle());
    socket.once("connect", () => socket.write(greeting));
    // Its INFO comes in one piece.
    socket.once("data", (bytes: Buffer) => settle(bytes.toString("latin1")));
  });
}

const Info = z.object({ tls_required: z.boolean().default(false), tls_available: z.boolean().default(false) });

function readInfo(text: string | undefined): z.output<typeof Info> | undefined {
  try {
    return Info.safeParse(JSON.parse(/^INFO (\{.*\})/.exec(text ?? "")?.[1] ?? "")).data;
  } catch {
    // Something else listens there, or half a line came.
    return undefined;
  }
}

async function natsServerFailure(url: URL, files: TlsFiles | undefined): Promise<string | undefined> {
  const place = placeOf(url, 4222);
  const socket = connectPlain(place);
  try {
    const info = readInfo(await firstBytes(socket));
    if (info === undefined) return undefined;
    const isTlsAsked = files !== undefined;
    if (!info.tls_required && !info.tls_available) return isTlsAsked ? speaksNoTls("NATS") : undefined;
    const own = isTlsAsked ? readTls("NATS", files) : {};
    const error = await shakeHands({ socket, host: place.host, ...own });
    if (!(error instanceof Error)) return undefined;
    return tlsFailure({ broker: "NATS", isTlsAsked, hasCertificate: own.cert !== undefined, error });
  } finally {
    socket.destroy();
  }
}

/** Why TLS with one of these servers fails; undefined when it does not, or none of them is there. `files`: when TLS is asked for. */
export async function natsFailure(servers: readonly URL[], files: TlsFiles | undefined): Promise<string | undefined> {
  const failures = await Promise.all(servers.map((server) => natsServerFailure(server, files)));
  return failures.find((failure) => failure !== undefined);
}

/** Why there is no connection to a Redis that was never reached, when it is TLS. `tls`: when it is asked for. */
export async function redisFailure(url: string, tls: ConnectionOptions | undefined): Promise<string | undefined> {
  // The path of a socket has no TLS.
  if (!URL.canParse(url)) return undefined;
  const place = placeOf(new URL(url), 6379);
  const isTlsAsked = tls !== undefined;
  const outcome = await shakeHands(isTlsAsked ? { ...tls, ...place } : { ...place, rejectUnauthorized: false });
  if (!isTlsAsked) return outcome === "holds" ? speaksOnlyTls("REDIS") : undefined;
  if (outcome instanceof Error)
    return tlsFailure({ broker: "REDIS", isTlsAsked, hasCertificate: tls.cert !== undefined, error: outcome });
  return outcome === "silence" && (await answersPlain(place)) ? speaksNoTls("REDIS") : undefined;
}

/** Whether it answers a PING in plain text, if only that one has to sign in first. */
async function answersPlain(place: Place): Promise<boolean> {
  const socket = connectPlain(place);
  const answer = await firstBytes(socket, "PING\r\n");
  socket.destroy();
  return /^[-+]/.test(answer ?? "");
}
