import type { RequestListener } from "node:http";
import { Readable } from "node:stream";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KeySetTimes } from "../src/admission/key-set.ts";
import { claimsOf, createIssuerKey, startKeyServer, type IssuerKey, type KeyServer } from "./support/issuer-server.ts";
import { issuerAt, issuerUrl, tokensUnderTest, type TokensUnderTest } from "./support/token-fixture.ts";

let [first, second]: IssuerKey[] = [];
let server: KeyServer;
const started: TokensUnderTest[] = [];

beforeAll(async () => {
  [first, second] = [await createIssuerKey("ES256", "first"), await createIssuerKey("ES256", "second")];
});
beforeEach(async () => {
  server = await startKeyServer(first!);
});
afterEach(async () => {
  for (const tokens of started.splice(0)) tokens[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

function start(times: Partial<KeySetTimes> = {}): TokensUnderTest {
  const tokens = tokensUnderTest({ issuers: [issuerAt(server.url, { algorithms: ["ES256"] })] }, times);
  started.push(tokens);
  return tokens;
}

let made = 0;
/** Each is a new one, so that none is remembered. */
function tokenBy(key: IssuerKey | undefined, header?: Record<string, unknown>): Promise<string> {
  if (key === undefined) throw new Error("there is no key");
  return key.sign(claimsOf(issuerUrl, { jti: String(made++) }), header);
}

const postponed = { code: "AUTH_UNAVAILABLE", retryable: true };

/** Keys are there: the issuer was asked and has answered. */
async function haveKeys(tokens: TokensUnderTest): Promise<void> {
  await tokens.verify(await tokenBy(first));
}

describe("the keys of an issuer", () => {
  it("are had before the first token comes, and asked for once", async () => {
    const tokens = start();
    await expect.poll(server.requests).toBe(1);
    await Promise.all(Array.from({ length: 20 }, async () => tokens.verify(await tokenBy(first))));
    expect(server.requests()).toBe(1);
    expect(tokens.notes()).toEqual([]);
  });

  it("are asked for again from time to time, also when nobody connects", async () => {
    start({ refreshMs: 20 });
    await expect.poll(server.requests).toBeGreaterThan(4);
  });

  it("are asked for at once when a token names a new one, and the old one still counts while it is published", async () => {
    const tokens = start({ coolDownMs: 0 });
    await haveKeys(tokens);
    server.publish(first!, second!);
    expect((await tokens.verify(await tokenBy(second))).user.id).toBe("ann");
    await tokens.verify(await tokenBy(first));
    expect(server.requests()).toBe(2);
  });

  it("are asked for once per cool-down, however many tokens name unknown ones", async () => {
    const tokens = start({ coolDownMs: 400 });
    await haveKeys(tokens);
    const startedMs = performance.now();
    let outcomes = new Set<string>();
    for (let round = 0; performance.now() - startedMs < 1_300; round++) {
      const flood = Array.from({ length: 10 }, async (_, i) =>
        tokens.verify(await tokenBy(first, { kid: `${round}-${i}` })),
      );
      for (const one of await Promise.allSettled(flood)) {
        outcomes = outcomes.add(one.status === "rejected" ? String(Reflect.get(one.reason, "code")) : "accepted");
      }
    }
    const coolDowns = (performance.now() - startedMs) / 400;
    expect(server.requests()).toBeGreaterThan(1);
    expect(server.requests()).toBeLessThanOrEqual(1 + Math.ceil(coolDowns));
    expect(outcomes).toEqual(new Set(["AUTH_INVALID", "AUTH_UNAVAILABLE"]));
    await tokens.verify(await tokenBy(first));
  });

  it("that are not known yet make a token wait for the cool-down, not fail for good", async () => {
    const tokens = start({ coolDownMs: 1_500, firstRetryMs: 50 });
    await haveKeys(tokens);
    server.publish(second!);
    const token = await tokenBy(second);
    const refusal: unknown = await tokens.verify(token).catch((error: unknown) => error);
    expect(refusal).toMatchObject(postponed);
    expect(Reflect.get(Object(refusal), "retryAfterMs")).toBeLessThanOrEqual(1_500);
    await expect
      .poll(
        () =>
          tokens.verify(token).then(
            ({ user }) => user.id,
            () => "refused",
          ),
        { timeout: 10_000 },
      )
      .toBe("ann");
  });

  it("that are withdrawn count no more, also for tokens that are remembered", async () => {
    const tokens = start({ refreshMs: 50 });
    const token = await tokenBy(first);
    await tokens.verify(token);
    await tokens.verify(token);
    expect(await tokens.figure("parley_edge_tokens_total", { outcome: "remembered" })).toBe(1);
    server.publish(second!);
    const codeOf = () =>
      tokens.verify(token).then(
        () => "accepted",
        (error: unknown) => Reflect.get(Object(error), "code"),
      );
    await expect.poll(codeOf).not.toBe("accepted");
  });

  it("that are added forget nothing", async () => {
    const tokens = start({ refreshMs: 20 });
    const token = await tokenBy(first);
    await tokens.verify(token);
    server.publish(first!, second!);
    const before = server.requests();
    await expect.poll(server.requests).toBeGreaterThan(before + 2);
    await tokens.verify(token);
    expect(await tokens.figure("parley_edge_tokens_total", { outcome: "checked" })).toBe(1);
  });

  it("are enough without a `kid` while there is one", async () => {
    const tokens = start({ coolDownMs: 0 });
    await tokens.verify(await tokenBy(first, { kid: undefined }));
    server.publish(first!, second!);
    await tokens.verify(await tokenBy(second));
    await expect(tokens.verify(await tokenBy(first, { kid: undefined }))).rejects.toMatchObject({
      code: "AUTH_INVALID",
    });
  });
});

function* endlessText(): Generator<string> {
  for (;;) yield " ".repeat(16 * 1024);
}

const megabyte = "x".repeat(2 ** 20);
const trouble: [what: string, listener: RequestListener, words: RegExp][] = [
  ["answers with an error", (_q, answer) => void answer.writeHead(500).end("{}"), /status 500/],
  [
    "sends elsewhere",
    (_q, answer) => void answer.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
    /status 302/,
  ],
  ["cuts the connection", (question) => void question.socket.destroy(), /cannot be reached/],
  ["cuts its answer", (q, answer) => void answer.writeHead(200).write("{", () => q.socket.destroy()), /broke off/],
  ["does not answer", () => undefined, /did not answer in time/],
  ["does not end its answer", (_q, answer) => void answer.writeHead(200).write('{"keys":['), /did not answer in time/],
  ["sends without end", (_q, answer) => void Readable.from(endlessText()).pipe(answer), /larger than/],
  ["sends a megabyte", (_q, answer) => void answer.end(JSON.stringify({ keys: [], megabyte })), /larger than/],
  ["sends no JSON", (_q, answer) => void answer.end("<html>canary</html>"), /no set of keys/],
  ["sends something else", (_q, answer) => void answer.end('{"error":"no"}'), /no set of keys/],
  ["sends no keys", (_q, answer) => void answer.end('{"keys":[]}'), /no usable key/],
  ["sends garbage for keys", (_q, answer) => void answer.end('{"keys":[1,null,{},{"kty":"EC"}]}'), /no usable key/],
  [
    "sends a secret",
    (_q, answer) => void answer.end('{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}]}'),
    /no usable key/,
  ],
];

/** A busy machine has to be given time where nothing is slow on purpose. */
const requestMsFor = (words: RegExp): number => (words.source.includes("in time") ? 200 : 5_000);

describe("an issuer that", () => {
  it.each(trouble)("%s is a note, and its tokens are told to come again", async (_what, listener, words) => {
    server.behave(listener);
    const tokens = start({ requestMs: requestMsFor(words), coolDownMs: 50, firstRetryMs: 20 });
    await expect(tokens.verify(await tokenBy(first))).rejects.toMatchObject(postponed);
    expect(tokens.notes()).toEqual([
      expect.stringMatching(/^The keys of the issuer corp cannot be had, so none of its tokens is accepted\. http/),
    ]);
    expect(tokens.notes()[0]).toMatch(words);
    expect(await tokens.figure("parley_edge_issuer_keys_age_seconds", { issuer: "corp" })).toBe(Infinity);
    server.publish(first!);
    await expect.poll(tokens.notes, { timeout: 5_000 }).toEqual([]);
    await tokens.verify(await tokenBy(first));
  });

  it.each(trouble)("%s does not take away the keys that were had", async (_what, listener, words) => {
    const tokens = start({ requestMs: requestMsFor(words), refreshMs: 20, coolDownMs: 50, firstRetryMs: 20 });
    await haveKeys(tokens);
    server.behave(listener);
    const failed = () => tokens.figure("parley_edge_issuer_requests_total", { issuer: "corp", outcome: "failed" });
    await expect.poll(failed, { timeout: 5_000 }).toBeGreaterThan(1);
    await tokens.verify(await tokenBy(first));
    await expect(tokens.verify(await tokenBy(second))).rejects.toMatchObject(postponed);
  });

  it("stays away for too long loses its keys", async () => {
    const tokens = start({ refreshMs: 20, firstRetryMs: 20, coolDownMs: 50, staleMs: 500 });
    const token = await tokenBy(first);
    await tokens.verify(token);
    server.behave((question) => void question.socket.destroy());
    const codeOf = async () =>
      tokens.verify(await tokenBy(first)).then(
        () => "accepted",
        (error: unknown) => Reflect.get(Object(error), "code"),
      );
    await expect.poll(codeOf, { timeout: 5_000 }).toBe("AUTH_UNAVAILABLE");
    expect(tokens.notes()).toHaveLength(1);
    await expect(tokens.verify(token)).rejects.toMatchObject(postponed);
    server.publish(first!);
    await expect.poll(codeOf, { timeout: 5_000 }).toBe("accepted");
    expect((await tokens.verify(token)).user.id).toBe("ann");
  });

  it("publishes a private key is not believed that one, but the others", async () => {
    server.publish({ ...first!.jwk, d: "AAAA" }, second!);
    const tokens = start({ coolDownMs: 0 });
    await tokens.verify(await tokenBy(second));
    await expect(tokens.verify(await tokenBy(first))).rejects.toMatchObject({ code: "AUTH_INVALID" });
  });

  it("publishes a key for encryption is not believed that one", async () => {
    server.publish({ ...first!.jwk, use: "enc" }, second!);
    const tokens = start({ coolDownMs: 0 });
    await expect(tokens.verify(await tokenBy(first))).rejects.toMatchObject({ code: "AUTH_INVALID" });
  });
});
