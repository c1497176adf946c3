import { describe, expect, it } from "vitest";
import { createLogger, type LogFormat, type LogLevel } from "@parley/runtime";

function record(format: LogFormat, level: LogLevel = "info") {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { lines, log: createLogger({ service: "edge", level, format, destination }) };
}

describe("createLogger", () => {
  it("writes one JSON line with level name, service and ISO time", () => {
    const { lines, log } = record("json");
    log.info({ port: 8000 }, "listening");
    expect(JSON.parse(lines.join(""))).toMatchObject({
      level: "info",
      service: "edge",
      port: 8000,
      msg: "listening",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  it("drops lines below its level", () => {
    const { lines, log } = record("json", "warn");
    log.info("not for now");
    expect(lines).toEqual([]);
  });

  it.each([
    ["at the top", { token: "s3cret" }],
    ["in headers", { headers: { authorization: "s3cret", "x-api-key": "s3cret" } }],
    ["in a request", { req: { headers: { Authorization: "s3cret", cookie: "s3cret" } } }],
    ["in an error", { err: Object.assign(new Error("no"), { config: { headers: { authorization: "s3cret" } } }) }],
    ["in settings", { config: { model: { api_key: "s3cret" }, redis: { password: "s3cret" }, secret: "s3cret" } }],
  ])("redacts secrets %s", (_where, fields) => {
    const { lines, log } = record("json");
    log.info(fields, "request");
    expect(lines.join("")).toContain("[redacted]");
    expect(lines.join("")).not.toContain("s3cret");
  });

  it("writes short lines for people", () => {
    const { lines, log } = record("pretty");
    log.info({ port: 8000, note: "two words" }, "listening");
    expect(lines.join("")).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}edge listening port=8000 note="two words"\n$/);
  });

  it("joins the sentence of an error and its cause to one", () => {
    const { lines, log } = record("json");
    const cause = new Error("the stream broke");
    log.error({ err: new Error("The language model broke off its answer.", { cause }) }, "a turn ends with an error");
    expect(JSON.parse(lines.join(""))).toMatchObject({
      err: { type: "Error", message: "The language model broke off its answer: the stream broke" },
    });
  });

  it("shows people the sentence of an error, and the stack only while debugging", () => {
    const { lines, log } = record("pretty", "debug");
    log.error({ err: new Error("gone") }, "lost Redis");
    log.debug({ err: new Error("gone") }, "lost Redis");
    expect(lines[0]).toMatch(/ERROR edge lost Redis error=gone\n$/);
    expect(lines[1]).toContain("    at ");
  });
});
