import { ApiException } from "@kubernetes/client-node";
import { z } from "zod";
import { ToolError } from "../tools/tool.ts";
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
 * Awaits an answer of the API server; its refusals become ToolErrors with one sentence. Their own message is not used: it holds the
 * whole response with its headers. An abort passes through.
 */
export async function asking<T>(asked: Asked, answer: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    signal.throwIfAborted();
    throw new ToolError(sentenceOf(cause, asked), { cause });
  }
}

function sentenceOf(cause: unknown, asked: Asked): string {
  const code = cause instanceof ApiException ? cause.code : undefined;
  const object = describe(asked);
  if (code === undefined) return "The cluster cannot be reached.";
  if (code === 404) return `There is no ${object}.`;
  if (code === 401) return "The cluster refused the credentials of the tool worker.";
  if (code === 403) return `The tool worker is not allowed to read ${object}.`;
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
