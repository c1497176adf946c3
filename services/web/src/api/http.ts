import { answeredError, ownError, type ApiError } from "./api-error.ts";

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
  const { base = "", timeoutMs = 20_000, onUnauthorized } = options;
  const doFetch = options.fetch ?? fetch.bind(globalThis);
  const isOnline = options.isOnline ?? (() => globalThis.navigator?.onLine !== false);

  return async (path, { method = "GET", body, signal } = {}) => {
    const deadline = AbortSignal.timeout(timeoutMs);
    const ended = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
    try {
      const headers = await headersOf(options.authorize, body !== undefined);
      const text = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await doFetch(`${base}${path}`, { method, headers, signal: ended, ...text });
      const answer = await answerOf(response);
      if (response.ok) return answer;
      const error = answeredError(response.status, answer);
      if (error.status === 401) onUnauthorized?.(error);
      throw error;
    } catch (thrown) {
      signal?.throwIfAborted();
      if (deadline.aborted) throw ownError("TIMEOUT", thrown);
      // What `fetch` throws when there was no connection.
      if (thrown instanceof TypeError) throw ownError(isOnline() ? "UNREACHABLE" : "OFFLINE", thrown);
      throw thrown;
    }
  };
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
