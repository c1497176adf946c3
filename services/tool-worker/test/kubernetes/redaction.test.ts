import { describe, expect, it } from "vitest";
import { redactText, redactValue } from "../../src/kubernetes/redaction.ts";

// Built from parts, so that no scanner of this repository takes them for real.
const jwt = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"].join(
  ".",
);
const pem = ["-----BEGIN RSA PRIVATE KEY-----", "MIIEpAIBAAKCAQEA7", "-----END RSA PRIVATE KEY-----"].join("\n");

describe("redaction of text", () => {
  it.each([
    ["tokens of sessions", `user=7 jwt ${jwt} ok`, "user=7 jwt [hidden] ok"],
    ["authorization headers", "Authorization: Bearer abcdef123456", "Authorization: Bearer [hidden]"],
    ["private keys over several lines", `key:\n${pem}\ndone`, "key:\n[hidden]\ndone"],
    ["a private key whose end was cut off", pem.slice(0, -10), "[hidden]"],
    ["users and passwords in addresses", "postgres://app:s3cret@db:5432/x", "postgres://[hidden]@db:5432/x"],
    ["passwords in settings", "password=hunter2 user=bob", "password=[hidden] user=bob"],
    ["secrets in JSON", '{"api_key": "abc def", "n": 1}', '{"api_key": "[hidden]", "n": 1}'],
    ["keys of AWS", `id ${["AKIA", "IOSFODNN7EXAMPLE"].join("")}.`, "id [hidden]."],
    ["tokens of GitHub", ["ghp_", "abcdefghijklmnopqrstuvwxyz0123"].join(""), "[hidden]"],
    ["tokens of GitLab", ["glpat", "-abcdefghijklmnopqrst"].join(""), "[hidden]"],
    ["keys of Stripe", ["sk_live", "_abcdefghijklmnopqrst"].join(""), "[hidden]"],
    ["tokens of Vault", ["hvs", ".CAESIJabcdefghijklmnop"].join(""), "[hidden]"],
    ["keys in a kubeconfig", `client-key-data: ${Buffer.from(pem).toString("base64")}`, "client-key-data: [hidden]"],
    ["values on lines of their own", "password: |\n  hunter2\n\n  more\nport: 1", "password: [hidden]\nport: 1"],
    ["values between tags", "<db-password>hunter2</db-password>", "<db-password>[hidden]</db-password>"],
    ["signatures of addresses", "https://x/blob?sv=1&sig=abc%2Bdef", "https://x/blob?sv=1&sig=[hidden]"],
    ["logins of commands", "curl -u admin:hunter2 http://x", "curl -u admin:[hidden] http://x"],
    ["logins of files", "machine x login me password hunter2", "machine x login me password [hidden]"],
  ])("hides %s", (_, text, expected) => {
    expect(redactText(text)).toBe(expected);
  });

  it.each([
    "GET /api/tokens 200 12ms",
    "token bucket refilled",
    "image registry.example/shop/api:1.4.2@sha256:0123456789abcdef",
    "http://10.0.0.1:8080/health ok",
    "password policy changed",
    "docker run -u 1000:1000 image",
    "PWD=/app",
    "secret: ",
    "password: '[hidden: 8 bytes]'",
  ])("leaves %j alone", (text) => {
    expect(redactText(text)).toBe(text);
  });
});

const slowParts = [
  "password: |\n x\n",
  "<password>",
  " -u a",
  "login a password ",
  "LS0tLS1CRUdJT",
  "?sig=",
  "secret",
  "a.b",
  "<a",
];

describe("redaction", () => {
  it.each(["a.", "eyJ-", "x://", "password ", "-----BEGIN PRIVATE KEY-----", "sk-", "Bearer ", ...slowParts])(
    "is not slow on a text that is made of %j",
    (part) => {
      // Of this process: on a busy machine time goes by that it did not get.
      const before = process.cpuUsage();
      redactText(part.repeat(16_000));
      const spent = process.cpuUsage(before);
      expect(spent.user + spent.system).toBeLessThan(1_000_000);
    },
  );
});

describe("redaction of a named value", () => {
  it.each([
    ["DB_PASSWORD", "x", "[hidden]"],
    ["STRIPE_API_KEY", "x", "[hidden]"],
    ["DATABASE_URL", "postgres://db/x", "[hidden]"],
    ["LOG_LEVEL", "debug", "debug"],
    ["UPSTREAM", "http://a:b@c/", "http://[hidden]@c/"],
  ])("of %s=%s gives %s", (name, value, expected) => {
    expect(redactValue(name, value)).toBe(expected);
  });
});
