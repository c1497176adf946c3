import { ChatError, chatErrorOf } from "@parley/protocol/fold";
import type { GetToken } from "../options.ts";

export interface RequestOptions {
  /** Where the server is, such as `https://chat.example`. Default: where the page is from. */
  readonly server?: string;
  /** As that of the client. Absent, or null: the browser's cookie is enough. */
  readonly getToken?: GetToken;
  readonly fetch?: typeof fetch;
  /** How long an answer may take. */
  readonly timeoutMs?: number;
}

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

/** The answer's fields; none where it has no body. Throws ChatError. */
export type Ask = (method: Method, path: string, body?: object) => Promise<Fields>;

export type Fields = Readonly<Record<string, unknown>>;

const defaultTimeoutMs = 20_000;

export function createAsk({ server = "", getToken, timeoutMs = defaultTimeoutMs, ...options }: RequestOptions): Ask {
  return async (method, path, body) => {
    const token = (await getToken?.()) ?? null;
    const headers: Record<string, string> = { accept: "application/json" };
    if (token !== null) headers["authorization"] = `Bearer ${token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const response = await (options.fetch ?? fetch)(server + path, { method, headers, signal, ...text });
      const answer = fieldsOf(await response.text());
      if (response.ok) return answer;
      throw refusalOf(response.status, answer);
    } catch (error) {
      if (error instanceof ChatError) throw error;
      throw new ChatError("OVERLOADED", `The server cannot be reached: ${String(error)}`, true);
    }
  };
}

/** A proxy answers with pages of its own. */
export function fieldsOf(text: string): Fields {
  try {
    const answer: unknown = JSON.parse(text);
    return isFields(answer) ? answer : {};
  } catch {
    return {};
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function refusalOf(status: number, { code, error, retryable, retry_after_ms }: Fields): ChatError {
  return chatErrorOf({
    code: typeof code === "string" ? code : `HTTP_${status}`,
    error: typeof error === "string" ? error : `The server answered ${status}.`,
    retryable: typeof retryable === "boolean" ? retryable : status >= 500,
    retry_after_ms: typeof retry_after_ms === "number" ? retry_after_ms : undefined,
  });
}
