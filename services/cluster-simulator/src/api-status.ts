import type { JsonObject } from "./json.ts";

export type Cause = { reason: string; message: string; field: string };
export type StatusDetails = {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: Cause[];
  retryAfterSeconds?: number;
};

/** A refusal as the Kubernetes API words it: a Status object with a reason and the HTTP code. */
export class ApiStatus extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = "ApiStatus";
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

/** What a refusal is about. */
export type Subject = { plural: string; group: string; kind?: string; name: string };

function qualified(name: string, group: string): string {
  return group === "" ? name : `${name}.${group}`;
}

function detailsOf({ plural, group, name }: Subject): StatusDetails {
  return { name, ...(group !== "" && { group }), kind: plural };
}

export function notFound(plural: string, group: string, name: string): ApiStatus {
  const subject = { plural, group, name };
  return new ApiStatus(404, "NotFound", `${qualified(plural, group)} "${name}" not found`, detailsOf(subject));
}

export function alreadyExists(subject: Subject): ApiStatus {
  const message = `${qualified(subject.plural, subject.group)} "${subject.name}" already exists`;
  return new ApiStatus(409, "AlreadyExists", message, detailsOf(subject));
}

/** A change was based on an object that is no longer the newest, or on another object of the same name. */
export function conflict(subject: Subject, why?: string): ApiStatus {
  const reason = why ?? "the object has been modified; please apply your changes to the latest version and try again";
  const message = `Operation cannot be fulfilled on ${qualified(subject.plural, subject.group)} "${subject.name}": ${reason}`;
  return new ApiStatus(409, "Conflict", message, detailsOf(subject));
}

export function invalid(subject: Subject, causes: Cause[]): ApiStatus {
  const lines = causes.map(({ field, message }) => `${field}: ${message}`);
  const text = lines.length === 1 ? (lines[0] ?? "") : `[${lines.join(", ")}]`;
  const kind = subject.kind ?? subject.plural;
  const message = `${qualified(kind, subject.group)} "${subject.name}" is invalid: ${text}`;
  return new ApiStatus(422, "Invalid", message, { ...detailsOf(subject), kind, causes });
}

export function unknownPath(): ApiStatus {
  return new ApiStatus(404, "NotFound", "the server could not find the requested resource");
}

export function badRequest(message: string): ApiStatus {
  return new ApiStatus(400, "BadRequest", message);
}

export function methodNotAllowed(): ApiStatus {
  return new ApiStatus(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}

export function unsupportedMedia(allowed: readonly string[]): ApiStatus {
  const message = `the body of the request was in an unknown format - accepted media types include: ${allowed.join(", ")}`;
  return new ApiStatus(415, "UnsupportedMediaType", message);
}

/** A version that a client wants to go on from is no longer kept. */
export function expired(message: string): ApiStatus {
  return new ApiStatus(410, "Expired", message);
}

const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** The refusal that an injected fault asks for. */
export function injectedStatus(code: number): ApiStatus {
  return new ApiStatus(code, REASONS[code] ?? "Unknown", `simulated fault ${code}`);
}

export function statusBody({ code, reason, message, details }: ApiStatus): JsonObject {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details !== undefined && { details: { ...details } }),
    code,
  };
}
