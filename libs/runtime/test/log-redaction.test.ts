import { createLogger } from "@parley/runtime";
import { describe, expect, it } from "vitest";

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.s3cr3tSignature_x";

function linesOf(write: (log: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  write(createLogger({ service: "edge", level: "trace", format: "json", destination }));
  return lines.join("");
}

describe("secrets in the middle of texts", () => {
  it.each([
    ["a password in an address", "cannot reach redis://default:hunter2pass@10.0.0.5:6379/0", "hunter2pass"],
    ["a password of several servers", "nats://a:hunter2pass@n1:4222,nats://b:hunter2pass@n2:4222", "hunter2pass"],
    ["a header", "request failed: Authorization: Bearer abcdef123456.ghi", "abcdef123456"],
    ["a subprotocol", `offered parley.v1, bearer.${jwt}`, "s3cr3tSignature"],
    ["a token in a query", "GET /ws/chat?token=abcdef123456&x=1", "abcdef123456"],
    ["an access token in a query", "GET /x?a=1&access_token=abcdef123456", "abcdef123456"],
    ["a JSON Web Token", `the token ${jwt} has expired`, "s3cr3tSignature"],
    ["a key of a provider", "401: Incorrect API key provided: sk-proj-abcdefgh12345678", "abcdefgh12345678"],
  ])("are cut out of messages, fields and errors: %s", (_what, text, secret) => {
    const written = linesOf((log) => {
      log.info(text);
      log.info({ reason: text, nested: { deep: [text] } }, "failed");
      log.error({ err: new Error(text, { cause: new Error(text) }) }, "failed");
      log.child({ address: text }).warn("failed");
    });
    expect(written).not.toContain(secret);
    expect(written.split("[redacted]").length).toBeGreaterThan(4);
    for (const line of written.trim().split("\n")) expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it("leave the rest of the line as it is", () => {
    const written = linesOf((log) =>
      log.warn({ reason: "connect ECONNREFUSED 127.0.0.1:6379" }, "Redis cannot be reached"),
    );
    expect(JSON.parse(written)).toMatchObject({
      reason: "connect ECONNREFUSED 127.0.0.1:6379",
      msg: "Redis cannot be reached",
    });
  });
});
