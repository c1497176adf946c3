import { describe, expect, it } from "vitest";
import { isAllowedOrigin, mayConnect } from "../src/admission/origin.ts";

const host = "chat.example.org:8000";
const strict = { allowed: ["https://other.example"], allowLoopback: false };
const development = { allowed: [], allowLoopback: true };

const below = { allowed: ["https://*.example.com", "http://*.dev.example:3000"], allowLoopback: false };

it.each([
  ["https://chat.example.org", true],
  ["https://*.example.org", true],
  ["http://*.dev.example:3000", true],
  ["null", false],
  ["*", false],
  ["https://*", false],
  ["https://*.org", false],
  ["https://*.*.example.org", false],
  ["https://chat.*.org", false],
  ["https://*.example.org/", false],
])("%s can be allowed: %s", (text, expected) => {
  expect(isAllowedOrigin(text)).toBe(expected);
});

describe("an origin", () => {
  it.each([
    ["none, as of a program", "", strict, true],
    ["our own host", "https://chat.example.org:8000", strict, true],
    ["our host on another port", "https://chat.example.org", strict, false],
    ["a site that is allowed", "https://other.example", strict, true],
    ["a site that is not", "https://evil.example", strict, false],
    ["a site that contains ours", "https://chat.example.org.evil.example:8000", strict, false],
    ["an opaque one", "null", strict, false],
    ["below a name that is allowed", "https://a.example.com", below, true],
    ["further below it", "https://a.b.example.com", below, true],
    ["the name itself", "https://example.com", below, false],
    ["one that only ends like it", "https://evilexample.com", below, false],
    ["below it by another scheme", "http://a.example.com", below, false],
    ["below it on another port", "https://a.example.com:444", below, false],
    ["below another name on its port", "http://a.dev.example:3000", below, true],
    ["a user of it", "https://evil.example@a.example.com", below, false],
    ["an address that ends like it", "https://evil.example/.example.com", below, false],
    ["an opaque one among names", "null", below, false],
    ["this machine", "http://localhost:5173", strict, false],
    ["this machine, in development", "http://localhost:5173", development, true],
    ["this machine by address, in development", "http://127.0.0.1:1", development, true],
    ["this machine by its new address, in development", "http://[::1]:1", development, true],
    ["another machine, in development", "http://192.168.0.7", development, false],
  ])("that is %s", (_what, origin, rules, expected) => {
    expect(mayConnect(origin, host, rules)).toBe(expected);
  });
});
