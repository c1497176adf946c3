import { describe, expect, it } from "vitest";
import { durationMs, flag, logFormat, logLevel, optionalText, port, secret } from "@parley/runtime";

describe("configuration fields", () => {
  it.each(["0", "8000", "65535"])("port accepts %s", (text) => {
    expect(port().parse(text)).toBe(Number(text));
  });

  it.each(["-1", "65536", "80.5", "http", "Infinity"])("port refuses %s", (text) => {
    expect(port().safeParse(text).error?.issues[0]?.message).toBe("must be a whole number from 0 to 65535");
  });

  it("durationMs refuses what a timer would take as now", () => {
    expect(durationMs(0).safeParse("2147483648").success).toBe(false);
  });

  it.each([
    ["1", true],
    ["true", true],
    ["0", false],
    ["false", false],
    [undefined, false],
  ])("flag reads %s as %s", (text, expected) => {
    expect(flag().parse(text)).toBe(expected);
  });

  it("flag refuses other words", () => {
    expect(flag().safeParse("maybe").error?.issues[0]?.message).toBe("must be 1, 0, true or false");
  });

  it("optionalText trims, and refuses blanks", () => {
    expect(optionalText().parse(" eu ")).toBe("eu");
    expect(optionalText().safeParse("  ").success).toBe(false);
  });

  it("secret is required unless it is made optional", () => {
    expect(secret().safeParse(undefined).success).toBe(false);
    expect(secret().optional().parse(undefined)).toBeUndefined();
  });

  it("logLevel and logFormat have defaults and list what they accept", () => {
    expect([logLevel().parse(undefined), logFormat().parse(undefined)]).toEqual(["info", "json"]);
    expect(logFormat().safeParse("xml").error?.issues[0]?.message).toBe("must be one of json, pretty");
  });
});
