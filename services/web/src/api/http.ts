import { ApiError, answeredError, ownError } from "./api-error.ts";

export interface HttpOptions {
  /** Where the server is: `""` for the page's own, else an origin. */
  readonly base?: string;
  readonly fetch?: typeof fetch;
  /** The token to bring; null: the browser's cookie is enough. */
  readonly authorize?: () => Promise<string | null>;
  /** The server did not take it (401). */
  readonly onUnauthorized?: (error: ApiError) => void;
  /** How long an answer may take. */
  readonly timeoutMs?: number;
  readonly isOnline?: () => boolean;
}

export interface Request {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: object;
  readonly signal?: AbortSignal | undefined;
}

/** One request and its answer as JSON; undefined when it has none. Throws `ApiError`, or the signal's reason when that ended it. */
export type Http = (path: string, request?: Request) => Promise<unknown>;

export function createHttp(options: HttpOptions): Http {
  const { timeoutMs = 20_000, onUnauthorized } = options;
  return async (path, request = {}) => {
    const { signal } = request;
    const deadline = AbortSignal.timeout(timeoutMs);
    const ended = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
    try {
      const response = await ask(options, path, { ...request, signal: ended });
      const answer = await answerOf(response);
      if (response.ok) return answer;
      throw answeredError(response.status, answer);
    } catch (thrown) {
      signal?.throwIfAborted();
      if (deadline.aborted) throw ownError("TIMEOUT", thrown);
      if (thrown instanceof ApiError && thrown.status === 401) onUnauthorized?.(thrown);
      throw thrown;
    }
  };
}

async function ask(options: HttpOptions, path: string, { method = "GET", body, signal }: Request): Promise<Response> {
  const { base = "", authorize, isOnline = isBrowserOnline } = options;
  const headers = await headersOf(authorize, body !== undefined);
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const aborting = signal === undefined ? {} : { signal };
  try {
    return await (options.fetch ?? globalThis.fetch)(`${base}${path}`, { method, headers, ...aborting, ...text });
  } catch (thrown) {
    // What `fetch` throws when there was no connection.
    throw thrown instanceof TypeError ? ownError(isOnline() ? "UNREACHABLE" : "OFFLINE", thrown) : thrown;
  }
}

/** Browsers are sure of `false` only. */
function isBrowserOnline(): boolean {
  return globalThis.navigator.onLine;
}

async function headersOf(authorize: HttpOptions["authorize"], hasBody: boolean): Promise<Record<string, string>> {
  const token = authorize === undefined ? null : await authorize();
  return {
    accept: "application/json",
    ...(hasBody ? { "content-type": "application/json" } : {}),
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
}

async function answerOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (response.ok) throw ownError("UNREADABLE", thrown);
    return undefined;
  }
}
