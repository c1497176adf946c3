import { ApiException } from "@kubernetes/client-node";
import { z } from "zod";
import { ToolError } from "../tools/tool.ts";
import { accessSentence, loginSentence } from "./access-failure.ts";
import type { Cluster } from "./cluster.ts";
import { accessProblem } from "./kubeconfig.ts";
import { redactText } from "./redaction.ts";

/** What was asked of the API server, for the sentence about its failure. */
export interface Asked {
  /** `pod`, `namespaces`, … */
  readonly what: string;
  readonly name?: string;
  readonly namespace?: string;
}

const MAX_MESSAGE = 300;

const Status = z.object({ message: z.string() });

/**
 * Asks the API server; its refusals become ToolErrors with one sentence. Their own message is not used: it holds the whole response with
 * its headers. What only the operator can mend is told to the log. An abort passes through.
 */
export async function asking<T>(
  cluster: Pick<Cluster, "access" | "report">,
  asked: Asked,
  request: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { access } = cluster;
  const problem = accessProblem(access.config);
  if (problem !== undefined) throw reported(cluster, undefined, problem);
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
    const code = codeOf(cause);
    const object = describe(asked);
    if (code === undefined) throw reported(cluster, cause, accessSentence(cause, access.config, new Date()));
    if (code === 401) {
      throw reported(cluster, cause, loginSentence(access.config, attempt?.endsAt(), new Date()));
    }
    const sentence = sentenceOf(code, cause, object);
    throw code === 403 || code === 407 || code >= 500
      ? reported(cluster, cause, sentence)
      : new ToolError(sentence, { cause });
  }
}

function reported(cluster: Pick<Cluster, "report">, cause: unknown, sentence: string): ToolError {
  cluster.report(cause, sentence);
  return new ToolError(sentence, { cause });
}

function codeOf(error: unknown): number | undefined {
  return error instanceof ApiException ? error.code : undefined;
}

function sentenceOf(code: number, cause: unknown, object: string): string {
  if (code === 404) return `There is no ${object}.`;
  if (code === 403) return `The tool worker is not allowed to read ${object}.`;
  if (code === 407) return "The proxy in the tool worker's kubeconfig wants a login (407).";
  if (code === 410) return "The list changed while it was read; try again.";
  if (code === 429) return "The cluster is overloaded; try again in a moment.";
  if (code >= 500) return `The cluster answered with an internal error (${code}); try again in a moment.`;
  const message = cause instanceof ApiException ? messageOf(cause.body) : undefined;
  return message === undefined
    ? `The cluster refused to read ${object} (${code}).`
    : `The cluster refused: ${message}.`;
}

function describe({ what, name, namespace }: Asked): string {
  const named = name === undefined ? what : `${what} ${name}`;
  return namespace === undefined ? named : `${named} in namespace ${namespace}`;
}

/** What the server says about a request that was wrong, such as which container to choose. The body is text for undeclared codes. */
function messageOf(body: unknown): string | undefined {
  const status = Status.safeParse(typeof body === "string" ? parse(body) : body);
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
