import type { KubeConfig } from "@kubernetes/client-node";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { redactText } from "./redaction.ts";

/** The cluster could not be asked, for a reason that is known. */
export class AccessError extends Error {
  /** `message` is a sentence for the model and for people; `cause` is what the operator needs, and nobody else sees. */
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "AccessError";
  }
}

/** An answer that is no success. */
export class StatusError extends Error {
  readonly status: number;
  /** As text. */
  readonly body: string;
  constructor(status: number, body: string) {
    super(`status ${status}`);
    this.name = "StatusError";
    this.status = status;
    this.body = body;
  }
}

/** Codes of Node, OpenSSL and undici, and what they say of the other side: "it …". */
const CAUSES: readonly [code: RegExp, meaning: string][] = [
  [/^ECONNREFUSED$/, "the connection was refused"],
  [/^(ENOTFOUND|EAI_AGAIN|EAI_NODATA)$/, "its host name is not known"],
  [/^E(HOST|NET)(UNREACH|DOWN)$/, "there is no way to it"],
  [/TIMEOUT$|^ETIMEDOUT$/, "it does not answer"],
  [/^CERT_HAS_EXPIRED$/, "its certificate has expired"],
  [/^CERT_NOT_YET_VALID$/, "its certificate is not valid yet"],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, "its certificate is for another name"],
  [
    /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|INVALID_CA)/,
    "its certificate is not from the authority in the kubeconfig",
  ],
  [/CERTIFICATE_EXPIRED/, "it says that the client certificate in the kubeconfig has expired"],
  [/ALERT.*(CERTIFICATE|UNKNOWN_CA)/, "it refused the client certificate in the kubeconfig"],
  [
    /^EPROTO$|WRONG_VERSION_NUMBER|PACKET_LENGTH|HTTP_REQUEST/,
    "it does not speak TLS as https:// in the kubeconfig says",
  ],
  [/^HPE_/, "it does not speak HTTP as http:// in the kubeconfig says"],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, "it closed the connection"],
];

/** Reading the certificates and keys that a kubeconfig names or holds. */
const UNREADABLE = /^ERR_(OSSL|CRYPTO)|^(ENOENT|EACCES|EISDIR|EPERM|ENOTDIR)$/;

const maxDepth = 6;
const maxReason = 1_000;

/** An error with those that caused it, outermost first. */
function chainOf(error: unknown, depth = 0): unknown[] {
  if (error === undefined || error === null || depth > maxDepth) return [];
  if (!(error instanceof Error)) return [error];
  const inner: unknown = error.cause ?? (error instanceof AggregateError ? error.errors[0] : undefined);
  return [error, ...chainOf(inner, depth + 1)];
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** For the log: all messages and codes, without credentials and without a stack. */
export function reasonOf(error: unknown): string {
  const texts = chainOf(error).map((one) => {
    if (!(one instanceof Error)) return typeof one === "string" ? one.trim() : "";
    const code = codeOf(one);
    return code === undefined || one.message.includes(code) ? one.message : `${one.message} (${code})`;
  });
  return redactText(texts.filter(Boolean).join(" <- ")).slice(0, maxReason);
}

/** Why no answer came, as a sentence. */
export function accessSentence(error: unknown, config: KubeConfig, now: Date): string {
  const chain = chainOf(error);
  const known = chain.find((one) => one instanceof AccessError);
  if (known !== undefined) return known.message;
  const codes = chain.map(codeOf).filter((code) => code !== undefined);
  const hasProxy = config.getCurrentCluster()?.proxyUrl !== undefined;
  const server = hasProxy ? "The cluster or the proxy to it" : "The cluster";
  const refusal = chain.map((one) =>
    one instanceof Error ? /Proxy response \((\d+)\)/.exec(one.message)?.[1] : undefined,
  );
  const status = refusal.find((found) => found !== undefined);
  if (status !== undefined) return `The cluster cannot be reached: the proxy in the kubeconfig refused (${status}).`;
  const meaning = CAUSES.find(([pattern]) => codes.some((code) => pattern.test(code)))?.[1];
  const ended = endedCertificate(config, now);
  // A server that wants a certificate that holds says so with an alert, or only by hanging up.
  if (ended !== undefined && codes.some((code) => /ALERT|ECONNRESET|EPIPE|UND_ERR_SOCKET|EPROTO/.test(code))) {
    return `${refusedLogin}: ${ended}.`;
  }
  if (meaning !== undefined) return `${server} cannot be reached: ${meaning}.`;
  if (codes.some((code) => UNREADABLE.test(code))) {
    return "A certificate, key or token that the tool worker's kubeconfig names cannot be read.";
  }
  return `${server} cannot be reached.`;
}

const refusedLogin = "The cluster refused the credentials of the tool worker";

/** Why the cluster refused a login (401), as far as the login itself says it. */
export function loginSentence(config: KubeConfig, loginEnds: Date | undefined, now: Date): string {
  const user = config.getCurrentUser();
  const ended =
    endedCertificate(config, now) ??
    endedAt("its token", tokenEnd(user?.token), now) ??
    endedAt("its login", loginEnds, now);
  return `${refusedLogin}: ${ended ?? "they are wrong or have expired"}.`;
}

function endedAt(what: string, end: Date | undefined, now: Date): string | undefined {
  if (end === undefined || end > now) return undefined;
  return `${what} expired at ${end.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function endedCertificate(config: KubeConfig, now: Date): string | undefined {
  const { certFile, certData } = config.getCurrentUser() ?? {};
  try {
    if (!certFile && !certData) return undefined;
    const certificate = new X509Certificate(certFile ? readFileSync(certFile) : Buffer.from(certData ?? "", "base64"));
    return endedAt("its client certificate", new Date(certificate.validTo), now);
  } catch {
    // One that cannot be read is a failure of its own.
    return undefined;
  }
}

const Claims = z.object({ exp: z.number() });

/** Of a token that says so (a JWT); its signature is the cluster's business. */
function tokenEnd(token: string | undefined): Date | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token?.split(".")[1] ?? "", "base64url").toString());
    return new Date(Claims.parse(claims).exp * 1_000);
  } catch {
    return undefined;
  }
}
