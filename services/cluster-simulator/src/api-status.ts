/** A refusal as the Kubernetes API words it: a Status object with a reason and the HTTP code. */
export class ApiStatus extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Record<string, string> | undefined;

  constructor(code: number, reason: string, message: string, details?: Record<string, string>) {
    super(message);
    this.name = "ApiStatus";
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

export function notFound(plural: string, group: string, name: string): ApiStatus {
  const resource = group === "" ? plural : `${plural}.${group}`;
  return new ApiStatus(404, "NotFound", `${resource} "${name}" not found`, {
    name,
    ...(group !== "" && { group }),
    kind: plural,
  });
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

export function statusBody({ code, reason, message, details }: ApiStatus) {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details !== undefined && { details }),
    code,
  };
}
