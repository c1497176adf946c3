import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError, durationMs, optionalText, port, readConfig, secret } from "@parley/runtime";

function problemsOf(schema: z.ZodObject, env: Record<string, string>): readonly string[] {
  try {
    readConfig(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("readConfig", () => {
  it("returns typed values under the names of the variables", () => {
    const config = readConfig(z.object({ EDGE_PORT: port(), IDLE_MS: durationMs(50) }), { EDGE_PORT: "8000" });
    expect(config).toEqual({ EDGE_PORT: 8000, IDLE_MS: 50 });
  });

  it("takes nothing from variables that the schema does not name", () => {
    expect(readConfig(z.object({ NAME: z.string() }), { NAME: "edge", HOME: "/root" })).toEqual({ NAME: "edge" });
  });

  it("freezes the result", () => {
    expect(Object.isFrozen(readConfig(z.object({ NAME: z.string() }), { NAME: "edge" }))).toBe(true);
  });

  it("treats an empty variable as one that is not set", () => {
    const schema = z.object({ IDLE_MS: durationMs(50), REGION: optionalText() });
    expect(readConfig(schema, { IDLE_MS: "", REGION: "" })).toEqual({ IDLE_MS: 50 });
  });

  it("names every problem at once, with what the variable is for", () => {
    const schema = z.object({
      EDGE_PORT: port().describe("Port for chat clients."),
      REDIS_URL: z.url().default("redis://127.0.0.1").describe("Where Redis is"),
      MODEL_NAME: z.string(),
    });
    expect(problemsOf(schema, { EDGE_PORT: "99999", REDIS_URL: "nowhere" })).toEqual([
      "EDGE_PORT must be a whole number from 0 to 65535. It is: Port for chat clients.",
      "REDIS_URL cannot be used: Invalid URL. It is: Where Redis is.",
      "MODEL_NAME is not set, but it is needed.",
    ]);
  });

  it("puts the problems into one message", () => {
    const schema = z.object({ A: z.string(), B: z.string() });
    expect(() => readConfig(schema, {})).toThrow(
      "The configuration has 2 problems:\n  - A is not set, but it is needed.\n  - B is not set, but it is needed.",
    );
  });

  it("reports a rule over several variables under the one it points at", () => {
    const schema = z
      .object({ MIN_MS: durationMs(5), MAX_MS: durationMs(10) })
      .refine(({ MIN_MS, MAX_MS }) => MIN_MS <= MAX_MS, { path: ["MAX_MS"], message: "must not be below MIN_MS" });
    expect(problemsOf(schema, { MIN_MS: "11" })).toEqual(["MAX_MS must not be below MIN_MS."]);
  });

  it("never prints a secret, even when a rule quotes its value", () => {
    const schema = z.object({
      AUTH_SECRET: secret()
        .refine((value) => value.length > 20, { error: ({ input }) => `"${String(input)}" is too short` })
        .optional(),
    });
    const problems = problemsOf(schema, { AUTH_SECRET: "hunter2" });
    expect(problems).toEqual(["AUTH_SECRET has a value that cannot be used."]);
  });
});
