import { expect, test } from "vitest";
import { createHttp, type HttpOptions } from "../../src/api/http.ts";

type Asked = [unknown, RequestInit | undefined];

/** A server that answers all the same. */
function answering(status: number, body: string, options: HttpOptions = {}) {
  const asked: Asked[] = [];
  const http = createHttp({
    fetch: async (url, init) => {
      asked.push([url, init]);
      return new Response(status === 204 ? null : body, { status });
    },
    isOnline: () => true,
    ...options,
  });
  return { http, asked };
}

test("brings the token and a body as JSON", async () => {
  const { http, asked } = answering(200, '{"ok":true}', {
    authorize: async () => "secret",
    base: "https://chat.example",
  });
  expect(await http("/api/v1/x", { method: "PUT", body: { title: "ä" } })).toEqual({ ok: true });
  const [url, init] = asked[0]!;
  expect(url).toBe("https://chat.example/api/v1/x");
  expect(init).toMatchObject({
    method: "PUT",
    body: '{"title":"ä"}',
    headers: { authorization: "Bearer secret", "content-type": "application/json" },
  });
});

test("brings no header where the cookie is enough", async () => {
  const { http, asked } = answering(204, "", { authorize: async () => null });
  expect(await http("/api/v1/x")).toBeUndefined();
  expect(asked[0]![1]?.headers).toEqual({ accept: "application/json" });
});

test("tells what the server says of a failure", async () => {
  const { http } = answering(429, '{"error":"Too many.","code":"RATE_LIMITED","retryable":true,"retry_after_ms":500}');
  await expect(http("/x")).rejects.toMatchObject({
    message: "Too many.",
    code: "RATE_LIMITED",
    status: 429,
    retryable: true,
    retryAfterMs: 500,
  });
});

test("a proxy's page is an error with its status, and no words of it are shown", async () => {
  const { http } = answering(502, "<html>Bad gateway</html>");
  await expect(http("/x")).rejects.toMatchObject({ code: "HTTP_502", status: 502, retryable: true });
});

test("a page in the place of an answer is not understood", async () => {
  const { http } = answering(200, "<html>Sign in to the hotel's network</html>");
  await expect(http("/x")).rejects.toMatchObject({ code: "UNREADABLE", retryable: true });
});

test("says that it was refused, each time", async () => {
  let refused = 0;
  const { http } = answering(401, '{"error":"Expired.","code":"AUTH_EXPIRED"}', {
    onUnauthorized: () => {
      refused += 1;
    },
  });
  await expect(http("/x")).rejects.toMatchObject({ status: 401 });
  await expect(http("/x")).rejects.toMatchObject({ status: 401 });
  expect(refused).toBe(2);
});

test.each([
  [true, "UNREACHABLE"],
  [false, "OFFLINE"],
])("a server that cannot be reached while the device is online: %o is %s", async (isOnline, code) => {
  const http = createHttp({ fetch: () => Promise.reject(new TypeError("failed")), isOnline: () => isOnline });
  await expect(http("/x")).rejects.toMatchObject({ code, retryable: true });
});

/** An answer that never comes, until somebody ends the wait. */
const never: typeof fetch = (_url, init) =>
  new Promise((_resolve, reject) => {
    const end = () => reject(init?.signal?.reason as Error);
    if (init?.signal?.aborted === true) end();
    init?.signal?.addEventListener("abort", end);
  });

test("an answer that does not come is waited for so long and no longer", async () => {
  const http = createHttp({ fetch: never, timeoutMs: 5 });
  await expect(http("/x")).rejects.toMatchObject({ code: "TIMEOUT", retryable: true });
});

test("who asked may stop asking: that is no failure of the server's", async () => {
  const stop = new AbortController();
  const answer = createHttp({ fetch: never })("/x", { signal: stop.signal });
  stop.abort(new Error("another question"));
  await expect(answer).rejects.toThrow("another question");
});

test("without a token nothing is asked", async () => {
  const { http, asked } = answering(200, "{}", { authorize: () => Promise.reject(new Error("nobody")) });
  await expect(http("/x")).rejects.toThrow("nobody");
  expect(asked).toEqual([]);
});
