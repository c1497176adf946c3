import { nativeDialect } from "@parley/dialects";
import { describe, expect, it } from "vitest";
import { createConnection, dueOf, move, type Connection } from "../src/delivery/connection.ts";

const deadlines = { authMs: 5_000, anonymousMs: 1_800_000, warnMs: 60_000, graceMs: 25_000 };
const expiresMs = 1_000_000;

function connection(more: Partial<Connection> = {}): Connection {
  return { ...createConnection({ id: "c", dialect: nativeDialect, openedMs: 100, credential: undefined }), ...more };
}

describe("a connection", () => {
  it.each([
    ["opening", "ready", true],
    ["opening", "closed", true],
    ["ready", "ready", true],
    ["ready", "closed", true],
    ["ready", "opening", false],
    ["closed", "ready", false],
    ["closed", "opening", false],
  ] as const)("that is %s may become %s: %s", (from, to, expected) => {
    const one = connection({ state: from });
    expect(move(one, to)).toBe(expected);
    expect(one.state).toBe(expected ? to : from);
  });

  it.each([
    ["opening", 5_099, false, "nothing"],
    ["opening", 5_100, false, "no token in time"],
    ["ready", expiresMs - 60_001, false, "nothing"],
    ["ready", expiresMs - 60_000, false, "token runs out"],
    ["ready", expiresMs - 60_000, true, "nothing"],
    ["ready", expiresMs + 24_999, true, "nothing"],
    ["ready", expiresMs + 25_000, true, "token ran out"],
    ["closed", 9e12, false, "nothing"],
  ] as const)("that is %s at %d (warned: %s): %s", (state, nowMs, isWarned, expected) => {
    expect(dueOf(connection({ state, isWarned, expiresMs }), deadlines, nowMs)).toBe(expected);
  });

  it.each([
    [1_800_099, "nothing"],
    [1_800_100, "no token in time"],
  ] as const)("that may be anonymous at %d: %s", (nowMs, expected) => {
    expect(dueOf(connection({ mayBeAnonymous: true }), deadlines, nowMs)).toBe(expected);
  });
});
