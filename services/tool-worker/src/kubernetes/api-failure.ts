import { z } from "zod";
import { ToolError } from "../tools/tool.ts";
import { accessSentence, loginSentence, StatusError } from "./access-failure.ts";
import type { Asked } from "./kube-api.ts";
import { accessProblem, type Access } from "./kubeconfig.ts";
import { redactText } from "./redaction.ts";

/** An API server did not do what it was asked; the message is a sentence for the model and for people. */
export class KubeError extends ToolError {
  /** Of its answer; undefined: there was none. */
  readonly status: number | undefined;
  /** It is certain that nothing was changed. */
  readonly notDone: boolean;
  constructor(message: string, { status, notDone, cause }: { status?: number; notDone: boolean; cause?: unknown }) {
    super(message, { cause });
    this.name = "KubeError";
    this.status = status;
    this.notDone = notDone;
  }
}

/** As whom a cluster is asked, and who is told when that does not work. */
export interface Identity {
  readonly access: Access;
  /** Tells the operator why it could not be asked; `says` is what everybody else is told. */
  report(error: unknown, says: string): void;
}

const MAX_MESSAGE = 300;

const Status = z.object({ message: z.string() });

/**
 * Asks the API server; its refusals become ToolErrors with one sentence. Their own message is not used: it holds the whole response with
 * its headers. What only the operator can mend is told to the log. An abort passes through.
 */
export async function asking<T>(
  identity: Identity,
  asked: Asked,
  request: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { access } = identity;
  const problem = accessProblem(access.config);
  if (problem !== undefined) {
    identity.report(undefined, problem);
    throw new KubeError(problem, { notDone: true });
  }
  let attempt = access.login?.attempt();
  const send = (): Promise<T> => attempt?.run(request) ?? request();
  const isStale = (error: unknown): boolean => codeOf(error) === 401 && attempt?.refused() === true;
  try {
    return await send().catch(async (error: unknown) => {
      // A login that was kept may have ended before its time.
      if (!isStale(error)) throw error;
      attempt = access.login?.attempt();
      return send();
    });
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ToolError) throw cause;
    throw failure(identity, asked, cause, attempt?.endsAt());
  }
}

function failure({ access, report }: Identity, asked: Asked, cause: unknown, loginEnds: Date | undefined): KubeError {
  const status = codeOf(cause);
  if (status === undefined) {
    const sentence = accessSentence(cause, access.config, new Date());
    report(cause, sentence);
    return new KubeError(sentence, { notDone: isBeforeSending(cause), cause });
  }
  const sentence =
    status === 401 ? loginSentence(access.config, loginEnds, new Date()) : sentenceOf(status, cause, asked);
  if (status === 401 || status === 403 || status === 407 || status >= 500) report(cause, sentence);
  return new KubeError(sentence, { status, notDone: status < 500, cause });
}

/** No connection, so no request went out on it. */
const NO_CONNECTION =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EAI_NODATA|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_.*|UNABLE_TO_.*|SELF_SIGNED_.*|DEPTH_ZERO_.*|ERR_TLS_.*|ENOENT|EACCES)$/;

function isBeforeSending(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return error.name === "AccessError" || NO_CONNECTION.test(code) || isBeforeSending(error.cause);
}

function codeOf(error: unknown): number | undefined {
  return error instanceof StatusError ? error.status : undefined;
}

function sentenceOf(status: number, cause: unknown, asked: Asked): string {
  const object = describe(asked);
  const verb = asked.verb ?? "read";
  if (status === 404) return `There is no ${object}.`;
  if (status === 403) return `The tool worker is not allowed to ${verb} ${object}.`;
  if (status === 407) return "The proxy in the tool worker's kubeconfig wants a login (407).";
  if (status === 410) return "The list changed while it was read; try again.";
  if (status === 429) return "The cluster is overloaded; try again in a moment.";
  if (status >= 500) return `The cluster answered with an internal error (${status}); try again in a moment.`;
  const message = messageOf(cause instanceof StatusError ? cause.body : "");
  return message === undefined
    ? `The cluster refused to ${verb} ${object} (${status}).`
    : `The cluster refused: ${message}.`;
}

function describe({ what, name, namespace }: Asked): string {
  const named = name === undefined ? what : `${what} ${name}`;
  return namespace === undefined ? named : `${named} in namespace ${namespace}`;
}

/** What the server says about a request that was wrong, such as which container to choose. */
function messageOf(body: string): string | undefined {
  const status = Status.safeParse(parse(body));
  if (!status.success) return undefined;
  return redactText(status.data.message).slice(0, MAX_MESSAGE).replace(/\.$/, "");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not a Status object, e.g. the page of a proxy: nothing to quote.
    return undefined;
  }
}
