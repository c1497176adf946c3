import type { ServerResponse } from "node:http";

export type ApiError = {
  status: number;
  message: string;
  type: string;
  code: string | null;
  retryAfterSeconds?: number;
};

export function badRequest(message: string, code: string | null = null): ApiError {
  return { status: 400, message, type: "invalid_request_error", code };
}

const SIMULATED: Readonly<Record<number, Omit<ApiError, "status">>> = {
  400: { message: "Simulated bad request.", type: "invalid_request_error", code: "simulated_bad_request" },
  401: { message: "Simulated invalid API key.", type: "invalid_request_error", code: "invalid_api_key" },
  429: { message: "Simulated rate limit.", type: "requests", code: "rate_limit_exceeded" },
  500: { message: "Simulated server error.", type: "server_error", code: null },
  503: { message: "Simulated overload.", type: "server_error", code: "overloaded" },
};

/** The error a `/sim status=…` directive asks for. */
export function simulatedError(status: number, retryAfterSeconds: number | undefined): ApiError {
  const known = SIMULATED[status] ?? { message: `Simulated error ${status}.`, type: "server_error", code: null };
  return { status, ...known, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

/** The JSON every OpenAI-compatible server answers with when something is wrong. */
export function errorBody({ message, type, code }: Omit<ApiError, "status">): string {
  return JSON.stringify({ error: { message, type, param: null, code } });
}

export function sendError(res: ServerResponse, error: ApiError): void {
  if (error.retryAfterSeconds !== undefined) res.setHeader("retry-after", String(error.retryAfterSeconds));
  sendJson(res, error.status, errorBody(error));
}

export function sendJson(res: ServerResponse, status: number, body: string): void {
  res.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  res.end(body);
}
