import { readConfig } from "@parley/runtime";
import { describe, expect, it } from "vitest";
import { Config } from "../src/config.ts";

const good = "b6f0d7f4a3c14f0e9a2b8c7d5e6f1a2b";

describe("the configuration", () => {
  it("needs nothing but a secret", () => {
    expect(readConfig(Config, { AUTH_JWT_SECRET: good })).toMatchObject({ PORT: 8000, ADMIN_PORT: 8001, SHARDS: 1 });
  });

  it("says what is missing", () => {
    expect(() => readConfig(Config, {})).toThrow(/AUTH_JWT_SECRET is not set/);
  });

  it.each(["short", "changeme", "a".repeat(40)])("takes the weak secret %s in development only", (secret) => {
    expect(readConfig(Config, { AUTH_JWT_SECRET: secret }).AUTH_JWT_SECRET).toBe(secret);
    const inProduction = { AUTH_JWT_SECRET: secret, NODE_ENV: "production" };
    expect(() => readConfig(Config, inProduction)).toThrow(/AUTH_JWT_SECRET must be at least 32 random bytes/);
    expect(() => readConfig(Config, inProduction)).not.toThrow(secret);
  });

  it("takes no admin token in production that can be guessed", () => {
    const env = { AUTH_JWT_SECRET: good, ADMIN_TOKEN: "letmein", NODE_ENV: "production" };
    expect(() => readConfig(Config, env)).toThrow(/ADMIN_TOKEN must be at least 32 random bytes in production/);
    expect(() => readConfig(Config, env)).not.toThrow("letmein");
    expect(readConfig(Config, { ...env, ADMIN_TOKEN: `${good}!` }).ADMIN_TOKEN).toBe(`${good}!`);
  });

  it("takes a good secret in production", () => {
    expect(readConfig(Config, { AUTH_JWT_SECRET: good, NODE_ENV: "production" }).NODE_ENV).toBe("production");
  });

  it("gives no development tokens in production", () => {
    const env = { AUTH_JWT_SECRET: good, AUTH_DEV: "1", NODE_ENV: "production" };
    expect(() => readConfig(Config, env)).toThrow(/AUTH_DEV must not be set in production/);
  });

  it("reads a list of origins", () => {
    const env = { AUTH_JWT_SECRET: good, ALLOWED_ORIGINS: "https://a.example, https://b.example" };
    expect(readConfig(Config, env).ALLOWED_ORIGINS).toEqual(["https://a.example", "https://b.example"]);
  });

  it("reports every problem at once", () => {
    const env = { PORT: "-1", SHARDS: "none", LOG_LEVEL: "loud" };
    expect(() => readConfig(Config, env)).toThrow(
      /4 problems[\s\S]*PORT[\s\S]*SHARDS[\s\S]*LOG_LEVEL[\s\S]*AUTH_JWT_SECRET/,
    );
  });
});
