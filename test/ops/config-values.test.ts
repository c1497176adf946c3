import { ConfigError, readConfig } from "@parley/runtime";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { services } from "../../scripts/config/services.ts";

const needed = { AUTH_JWT_SECRET: "b6f0d7f4a3c14f0e9a2b8c7d5e6f1a2b", KUBECONFIG_OUT: "/tmp/kubeconfig" };

function problemsOf(schema: z.ZodObject, env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(schema, { ...needed, ...env });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Every service that has the setting, with what it says of the value. */
function saidOf(name: string, value: string): string[][] {
  const schemas = [...services.values()].filter((schema) => name in schema.shape);
  expect(schemas.length).toBeGreaterThan(0);
  return schemas.map((schema) => [...problemsOf(schema, { [name]: value })]);
}

const nonsense: readonly (readonly [string, string, string])[] = [
  ["NODE_ENV", "prod", "must be one of development, test, production."],
  ["NODE_ENV", "Production", "must be one of development, test, production."],
  ["NATS_URL", "http://127.0.0.1:4222", "must be addresses like nats://user:password@host:4222"],
  ["NATS_URL", "nats://a:4222,", "must be addresses like nats://user:password@host:4222"],
  ["NATS_URL", "nats://999.1.1.1:4222", "must be addresses like nats://user:password@host:4222"],
  ["REDIS_URL", "127.0.0.1", "must be an address like redis://user:password@host:6379"],
  ["REDIS_URL", "http://127.0.0.1", "must be an address like redis://user:password@host:6379"],
  ["REDIS_URL", "redis://", "must be an address like redis://user:password@host:6379"],
  ["ALLOWED_ORIGINS", "foo", "must be origins as browsers write them"],
  ["ALLOWED_ORIGINS", "*", "must be origins as browsers write them"],
  ["ALLOWED_ORIGINS", "https://chat.example.org/", "must be origins as browsers write them"],
  ["ALLOWED_ORIGINS", "https://Chat.example.org", "must be origins as browsers write them"],
  ["ALLOWED_ORIGINS", "https://a.example, b.example", "must be origins as browsers write them"],
  ["HOST", "999.1.1.1", "must be an IP address such as 127.0.0.1 or 0.0.0.0"],
  ["HOST", "http://localhost", "must be an IP address such as 127.0.0.1 or 0.0.0.0"],
  ["ADMIN_HOST", "1.2.3", "must be an IP address such as 127.0.0.1 or 0.0.0.0"],
  ["ACK_WAIT_MS", "0", "must be a whole number from 500 to 2147483647."],
  ["JANITOR_MS", "0", "must be a whole number from 100 to 2147483647."],
  ["LOCK_MS", "0", "must be a whole number from 500 to 2147483647."],
  ["STALLED_CHECK_MS", "0", "must be a whole number from 100 to 2147483647."],
  ["APPROVAL_TTL_MS", "0", "must be a whole number from 1000 to 86400000."],
  ["MODEL_IDLE_MS", "0", "must be a whole number from 1 to 2147483647."],
  ["MAX_HTTP_WAIT_MS", "0", "must be a whole number from 1 to 2147483647."],
  ["SHARDS", "1e2", "must be a whole number from 1 to 1024."],
  ["PORT", "0x50", "must be a whole number from 0 to 65535."],
  ["PORT", " ", "must be a whole number from 0 to 65535."],
  ["SLOTS", "0", "must be a whole number from 1."],
  ["TRACES_SAMPLE_RATIO", "1e-1", "must be a number from 0 to 1."],
  ["SIM_TOKENS_PER_SECOND", "Infinity", "must be a number from 0 to 100000."],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "must be an http or https address."],
];

describe("a setting of nonsense", () => {
  it.each(nonsense)("%s=%s is refused with one sentence by each service that reads it", (name, value, sentence) => {
    for (const problems of saidOf(name, value)) {
      expect(problems).toEqual([expect.stringContaining(`${name} ${sentence}`)]);
    }
  });

  it.each([
    ["NATS_URL", "127.0.0.1:4222"],
    ["NATS_URL", "nats://edge:p%40ss@a:4222, tls://b_1:4222"],
    ["NATS_URL", "nats://[::1]:4222"],
    ["REDIS_URL", "rediss://:secret@redis.example.org:6380/2"],
    ["REDIS_URL", "/run/redis.sock"],
    ["ALLOWED_ORIGINS", "https://chat.example.org, http://10.0.0.1:8080 capacitor://localhost"],
    ["HOST", "::"],
    ["HOST", "0.0.0.0"],
    ["HOST", "my-host.example.org"],
    ["TRACES_SAMPLE_RATIO", "0.25"],
    ["TOOLS_WAIT_MS", "0"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318"],
  ])("%s=%s is none", (name, value) => {
    expect(saidOf(name, value).flat()).toEqual([]);
  });
});

/** Words of the validation library, which name no thing that a person has written. */
const libraryWords = /invalid|expected|too (small|big)|received|nan|option:|pattern|cannot be used/i;

it.each([...services])("%s says nothing in the words of its validation library", (_service, schema) => {
  const values = ["\u0001 ~", "-1", "1e400", "0.5.5"];
  const names = Object.keys(schema.shape);
  const said = names.flatMap((name) => values.flatMap((value) => problemsOf(schema, { [name]: value })));
  expect(said.length).toBeGreaterThan(10);
  expect(said.map((problem) => problem.replace(/ It is: .*/s, "")).filter((text) => libraryWords.test(text))).toEqual(
    [],
  );
});
