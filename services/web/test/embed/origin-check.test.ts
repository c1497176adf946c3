import { expect, test } from "vitest";
import { refusesOrigin } from "../../src/embed/origin-check.ts";

const server = "https://chat.example";

/** As a browser lets a page see it: an answer, or nothing but that there is none. */
function asking(had: Readonly<Record<string, number>>): typeof fetch {
  return async (address) => {
    const status = typeof address === "string" ? had[address.slice(server.length)] : undefined;
    if (status === undefined) throw new TypeError("Failed to fetch");
    return new Response("", { status });
  };
}

test.each([
  ["a server that shows this page its script and nothing else", { "/embed/parley-chat.js": 200 }, true],
  ["one that answers", { "/embed/parley-chat.js": 200, "/api/v1/auth/methods": 200 }, false],
  ["one that is away", {}, false],
  ["a proxy whose server is away", { "/embed/parley-chat.js": 502 }, false],
])("%s refuses its origin: %j", async (_name, had, refuses) => {
  expect(await refusesOrigin(server, asking(had))).toBe(refuses);
});
