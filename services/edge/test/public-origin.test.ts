import { expect, test } from "vitest";
import { createOriginOf } from "../src/transport/public-origin.ts";

const asked = (host: string) => ({ header: (name: string): string => (name === "host" ? host : "") });

test.each([
  ["localhost:8000", "http://localhost:8000"],
  ["127.0.0.1:8000", "http://127.0.0.1:8000"],
  ["[::1]:8000", "http://[::1]:8000"],
  ["chat.example.org", "https://chat.example.org"],
  ["192.168.1.7:8000", "https://192.168.1.7:8000"],
  ["localhost.evil.example", "https://localhost.evil.example"],
  ['evil.example", x="', "http://localhost"],
  ["", "http://localhost"],
])("a client that asks %s is told %s", (host, origin) => {
  expect(createOriginOf(undefined)(asked(host))).toBe(origin);
});

test("where the deployment has an address it is told, whatever the client asks", () => {
  for (const host of ["localhost", "evil.example", ""])
    expect(createOriginOf("https://chat.example.org")(asked(host))).toBe("https://chat.example.org");
});
