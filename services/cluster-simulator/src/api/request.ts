import type { Identity } from "../access/users.ts";
import { badRequest } from "../api-status.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { ResourceKind } from "../store/resource-kind.ts";
import type { FieldValidation, WriteOptions } from "../store/registry.ts";
import type { ResourcePath } from "./request-path.ts";

export type ApiRequest = {
  method: string;
  url: URL;
  accept: string;
  contentType: string;
  userAgent: string;
  identity: Identity;
  /** Reads the JSON body; only called when the request needs one. undefined when there is none. */
  body: () => Promise<Json | undefined>;
  /** Tells the client something beside the answer, in a Warning header. */
  warn: (text: string) => void;
};

/** A request for a resource of a kind that is served. */
export type ResourceRequest = ApiRequest & { kind: ResourceKind; path: ResourcePath };

/** A body to send as JSON, a text to send as it is, or something that writes to the connection itself for as long as it likes. */
export type ApiReply =
  | { status: number; json: JsonObject; contentType?: string }
  | { status: number; text: string }
  | { stream: (write: (text: string) => void, signal: AbortSignal) => Promise<void>; contentType: string };

/** The usual answer. */
export function ok(json: JsonObject): ApiReply {
  return { status: 200, json };
}

export function isTrue(value: string | null): boolean {
  return value === "true" || value === "1";
}

export async function objectBody(request: ApiRequest): Promise<JsonObject> {
  const body = await request.body();
  if (!isObject(body)) throw badRequest("the body of the request is not an object");
  return body;
}

const VALIDATIONS: readonly FieldValidation[] = ["Ignore", "Warn", "Strict"];

/** How a write is meant, from its query. `operation` and `subresource` say how its fields are managed. */
export function writeOptions(
  request: ApiRequest,
  how: { operation?: "Apply" | "Update"; subresource?: string } = {},
): WriteOptions {
  const query = request.url.searchParams;
  const dryRun = query.getAll("dryRun");
  if (dryRun.some((value) => value !== "All"))
    throw badRequest(`Invalid value: dryRun: Unsupported value: supported values: "All"`);
  const validation = query.get("fieldValidation");
  const found = validation === null || validation === "" ? "Warn" : VALIDATIONS.find((name) => name === validation);
  if (found === undefined) throw badRequest("fieldValidation must be one of Ignore, Warn and Strict");
  const name = query.get("fieldManager") ?? /^[^/\s]+/.exec(request.userAgent)?.[0] ?? "unknown";
  return {
    manager: {
      name,
      operation: how.operation ?? "Update",
      ...(how.subresource !== undefined && { subresource: how.subresource }),
    },
    dryRun: dryRun.length > 0,
    validation: found,
    warn: request.warn,
  };
}
