import type { ChatError } from "@parley/protocol";
import { z } from "zod";

/**
 * What goes wrong, as A2A 1.0 counts it: https://a2a-protocol.org/v1.0.0/specification, 5.4 and 9.5. `refused` is ours, from the range that JSON-RPC leaves to
 * servers: who it is, or what they have used up.
 */
const codes = {
  JSON_PARSE: -32_700,
  INVALID_REQUEST: -32_600,
  METHOD_NOT_FOUND: -32_601,
  INVALID_PARAMS: -32_602,
  INTERNAL: -32_603,
  REFUSED: -32_000,
  TASK_NOT_FOUND: -32_001,
  TASK_NOT_CANCELABLE: -32_002,
  PUSH_NOTIFICATION_NOT_SUPPORTED: -32_003,
  UNSUPPORTED_OPERATION: -32_004,
  CONTENT_TYPE_NOT_SUPPORTED: -32_005,
  VERSION_NOT_SUPPORTED: -32_009,
} as const;

export type A2aFault = keyof typeof codes;

const fromSpecification: ReadonlySet<A2aFault> = new Set<A2aFault>([
  "TASK_NOT_FOUND",
  "TASK_NOT_CANCELABLE",
  "PUSH_NOTIFICATION_NOT_SUPPORTED",
  "UNSUPPORTED_OPERATION",
  "CONTENT_TYPE_NOT_SUPPORTED",
  "VERSION_NOT_SUPPORTED",
]);

/** A request that cannot be done; `message` is a sentence for people. */
export class A2aError extends Error {
  readonly fault: A2aFault;

  constructor(fault: A2aFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "A2aError";
    this.fault = fault;
  }
}

/** The id of a request; null where it is not known. */
export const RpcId = z.union([z.string().max(256), z.number(), z.null()]);
export type RpcId = z.infer<typeof RpcId>;

/** An answer of JSON-RPC that says what went wrong. */
export function errorAnswer(id: RpcId, thrown: A2aError | ChatError): object {
  const { fault, message } = thrown instanceof A2aError ? thrown : faultOf(thrown);
  const data = [fromSpecification.has(fault) ? detail(fault) : undefined, ownDetail(thrown)].filter(
    (one) => one !== undefined,
  );
  const error = { code: codes[fault], message, ...(data.length === 0 ? {} : { data }) };
  return { jsonrpc: "2.0", id, error };
}

function detail(reason: A2aFault): object {
  return { "@type": errorInfo, reason, domain: "a2a-protocol.org" };
}

const errorInfo = "type.googleapis.com/google.rpc.ErrorInfo";

/** Our own code, and whether and when the same may succeed. */
function ownDetail(thrown: A2aError | ChatError): object | undefined {
  if (thrown instanceof A2aError) return undefined;
  const { code: reason, retryable, retryAfterMs } = thrown;
  const retry = retryAfterMs === undefined ? {} : { retry_after_ms: String(retryAfterMs) };
  return { "@type": errorInfo, reason, domain: "parley", metadata: { retryable: String(retryable), ...retry } };
}

/** Whose task it is must not be told: what is somebody else's does not exist. */
function faultOf({ code, message, cause }: ChatError): { readonly fault: A2aFault; readonly message: string } {
  switch (code) {
    case "NOT_FOUND":
    case "FORBIDDEN":
      return { fault: "TASK_NOT_FOUND", message: noTask };
    case "INVALID_FRAME":
      return { fault: isNoJson(cause) ? "JSON_PARSE" : "INVALID_REQUEST", message };
    case "EMPTY_MESSAGE":
    case "MESSAGE_TOO_LARGE":
    case "CONFLICT":
      return { fault: "INVALID_PARAMS", message };
    case "UNSUPPORTED":
    case "APPROVAL_EXPIRED":
      return { fault: "UNSUPPORTED_OPERATION", message };
    case "PROCESSING_ERROR":
      return { fault: "INTERNAL", message };
    default:
      return { fault: "REFUSED", message };
  }
}

/** What the parsers of JSON and of UTF-8 throw; what is JSON, but not as it must be, has another cause. */
function isNoJson(cause: unknown): boolean {
  return cause instanceof SyntaxError || cause instanceof TypeError;
}

const noTask = "There is no such task.";

export function noSuchTask(): A2aError {
  return new A2aError("TASK_NOT_FOUND", noTask);
}
