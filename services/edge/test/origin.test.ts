import { describe, expect, it } from "vitest";
import { mayConnect } from "../src/admission/origin.ts";

const host = "chat.example.org:8000";
const strict = { allowed: ["https://other.example"], allowLoopback: false };
const development = { allowed: [], allowLoopback: true };

describe("an origin", () => {
  it.each([
    ["none, as of a program", "", strict, true],
    ["our own host", "https://chat.example.org:8000", strict, true],
    ["our host on another port", "https://chat.example.org", strict, false],
    ["a site that is allowed", "https://other.example", strict, true],
    ["a site that is not", "https://evil.example", strict, false],
    ["a site that contains ours", "https://chat.example.org.evil.example:8000", strict, false],
    ["an opaque one", "null", strict, false],
    ["this machine", "http://localhost:5173", strict, false],
    ["this machine, in development", "http://localhost:5173", development, true],
    ["this machine by address, in development", "http://127.0.0.1:1", development, true],
    ["this machine by its new address, in development", "http://[::1]:1", development, true],
    ["another machine, in development", "http://192.168.0.7", development, false],
  ])("that is %s", (_what, origin, rules, expected) => {
    expect(mayConnect(origin, host, rules)).toBe(expected);
  });
});
