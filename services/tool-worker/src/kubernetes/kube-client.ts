import { sleep } from "@parley/runtime";
import { AccessError, StatusError } from "./access-failure.ts";
import { asking, KubeError, type Identity } from "./api-failure.ts";
import type { Breaker } from "./breaker.ts";
import type { ClusterMetrics } from "./cluster-metrics.ts";
import type { Connection, WireAnswer } from "./connection.ts";
import type { KubeApi, KubeRequest } from "./kube-api.ts";
import { NoPlaceError, type Places } from "./places.ts";

export interface KubeClientDeps {
  readonly identity: Identity;
  readonly connection: Pick<Connection, "send">;
  /** Of the cluster, whoever asks it. */
  readonly places: Places;
  readonly breaker: Breaker;
  readonly metrics: ClusterMetrics;
  /** Of somebody else, in whose name it is asked. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** A read that has no answer by then is given up, so that the tool has time left to try again. Default: 10 s. */
  readonly readAnswerMs?: number;
}

/** More than any list of the pages that the tools ask for. */
const maxAnswerBytes = 64 * 1024 * 1024;
const defaultAnswerMs = 10_000;
const maxAttempts = 3;
const firstPauseMs = 200;
/** A server that wants more is not waited for: the tool's time is bounded. */
const maxPauseMs = 5_000;

/** Worth another try of what changes nothing. */
const passingStatus = new Set([429, 502, 503, 504]);
/** Said by what stands before the server, so it was not reached. */
const awayStatus = new Set([502, 503, 504]);
const passingCode = /^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/;

/** An API server as one identity. See `KubeApi`. */
export function createKubeApi(deps: KubeClientDeps): KubeApi {
  const { identity } = deps;
  const send = (request: KubeRequest, maxBytes: number): Promise<WireAnswer> => {
    const verb = request.asked.verb ?? (isRead(request) ? "read" : "change");
    const asked = { ...request.asked, verb };
    return asking(identity, asked, () => attempts(deps, request, maxBytes), request.signal);
  };

  return {
    async json(request) {
      const answer = await send(request, maxAnswerBytes);
      try {
        if (!answer.isCut) return JSON.parse(answer.bytes.toString()) as unknown;
      } catch (cause) {
        throw unreadable(identity, request, "The cluster's answer cannot be understood.", cause);
      }
      throw unreadable(identity, request, "The cluster's answer is too large; ask for less.");
    },
    async text(request) {
      const { bytes, isCut } = await send(request, request.maxBytes);
      return { text: bytes.toString(), isCut };
    },
  };
}

/** What it answered to was done. */
function unreadable(identity: Identity, request: KubeRequest, sentence: string, cause?: unknown): KubeError {
  identity.report(cause, sentence);
  return new KubeError(sentence, { notDone: isRead(request), cause });
}

function isRead({ method = "GET" }: Pick<KubeRequest, "method">): boolean {
  return method === "GET";
}

/** Throws StatusError for an answer that is no success. */
async function attempts(deps: KubeClientDeps, request: KubeRequest, maxBytes: number): Promise<WireAnswer> {
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt === maxAttempts || !isRead(request);
    const pauseMs = firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random());
    try {
      const answer = await once(deps, request, maxBytes);
      if (answer.status < 300) return answer;
      const wantedMs = retryAfterMs(answer) ?? pauseMs;
      if (isLast || !passingStatus.has(answer.status) || wantedMs > maxPauseMs) {
        throw new StatusError(answer.status, answer.bytes.toString());
      }
      await sleep(wantedMs, request.signal);
    } catch (error) {
      if (isLast || !isPassing(error)) throw error;
      await sleep(pauseMs, request.signal);
    }
    request.signal.throwIfAborted();
  }
}

/** In seconds or as a date, which is told by another's clock. */
function retryAfterMs({ header }: WireAnswer): number | undefined {
  const text = header("retry-after")?.trim() ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : undefined;
}

function isPassing(error: unknown): boolean {
  return error instanceof Error && "code" in error && passingCode.test(String(error.code));
}

async function once(deps: KubeClientDeps, request: KubeRequest, maxBytes: number): Promise<WireAnswer> {
  const { places, breaker } = deps;
  const { signal } = request;
  const send = (): Promise<WireAnswer> => {
    // Asked for when there is a place: it may have become known meanwhile that the cluster is away.
    const refusal = breaker.refusal();
    if (refusal !== undefined) throw new KubeError(refusal, { notDone: true });
    return watched(deps, request, maxBytes);
  };
  try {
    return await places.run(send, signal);
  } catch (error) {
    if (error instanceof NoPlaceError) throw new KubeError(error.message, { notDone: true, cause: error });
    throw error;
  }
}

/** One request, and what it says of the cluster. */
async function watched(deps: KubeClientDeps, request: KubeRequest, maxBytes: number): Promise<WireAnswer> {
  const { connection, breaker, metrics, readAnswerMs = defaultAnswerMs } = deps;
  const { method = "GET", signal } = request;
  const startedAt = performance.now();
  const ended = (code: string): void => metrics.ended(method, code, performance.now() - startedAt);
  try {
    const answer = await connection.send({
      ...{ method, signal, maxBytes, answerMs: isRead(request) ? readAnswerMs : 0 },
      ...{ path: withQuery(request), headers: headersOf(deps, request), body: bodyOf(request) },
    });
    ended(String(answer.status));
    if (awayStatus.has(answer.status)) breaker.failed();
    else breaker.reached();
    return answer;
  } catch (error) {
    ended(signal.aborted ? "aborted" : "none");
    // A login program that fails says nothing of the cluster.
    if (signal.aborted || error instanceof AccessError) breaker.leftOpen();
    else breaker.failed();
    throw error;
  }
}

function withQuery({ path, query = {} }: KubeRequest): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of typeof value === "object" ? value : [value]) parameters.append(name, String(one));
  }
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}

function headersOf(
  { headers = {} }: Pick<KubeClientDeps, "headers">,
  { accept = "application/json", body, contentType = "application/json" }: KubeRequest,
): Record<string, string | string[]> {
  return { ...headers, Accept: accept, ...(body === undefined ? {} : { "Content-Type": contentType }) };
}

function bodyOf({ body }: KubeRequest): string | undefined {
  return typeof body === "string" || body === undefined ? body : JSON.stringify(body);
}
