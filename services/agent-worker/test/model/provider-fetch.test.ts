import type { ServerResponse } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { providerFetch } from "../../src/model/provider-fetch.ts";
import { startProvider } from "./fake-provider.ts";

const eventBytes = 60_000;

/** 3 MiB of events, the parts of each written by themselves. */
async function writeEvents(res: ServerResponse, parts: readonly string[]): Promise<void> {
  res.writeHead(200, { "content-type": "text/event-stream" });
  for (let sent = 0; sent < 3 * 1024 * 1024; sent += eventBytes) {
    for (const part of parts) {
      res.write(part);
      await turn();
    }
  }
  res.end();
}

const data = `data: ${"x".repeat(eventBytes)}`;

test.each([
  [[`${data}\n\n`]],
  [[`${data}\r\n\r\n`]],
  [[data, "\n", "\n"]],
  [[data, "\r", "\n", "\r", "\n"]],
  [[`${data}\r\n`, "\r\n"]],
  [["\n", `${data}\n`]],
])("lets any number of events through, however they are cut (%#)", async (parts) => {
  await using provider = await startProvider((res) => void writeEvents(res, parts));
  const response = await providerFetch(provider.baseURL, { method: "POST", body: "{}" });
  expect((await response.text()).length).toBeGreaterThan(3 * 1024 * 1024);
});

test.each([
  ["without a line end", "x"],
  ["with lines but no blank one", `${"x".repeat(99)}\n`],
  ["with lines that end in CRLF", `${"x".repeat(98)}\r\n`],
])("fails the body once an event is larger than 2 MiB: %s", async (_name, unit) => {
  await using provider = await startProvider((res) => {
    res.writeHead(200);
    res.write(`data: ${unit.repeat((2 * 1024 * 1024) / unit.length + 1_000)}`);
  });
  const response = await providerFetch(provider.baseURL, { method: "POST", body: "{}" });
  await expect(response.text()).rejects.toThrow("an event is larger than 2097152 bytes");
  await expect.poll(() => provider.requests[0]?.closedAt).toBeDefined();
});

test.each([
  ['{"error":{"message":"m"}}', '{"error":{"message":"m"}}'],
  ['{"detail":"d"}', '{"error":{"detail":"d"}}'],
  ["<html>", "<html>"],
  ['"text"', '"text"'],
  ["", ""],
])("gives the body of an error the form the SDK reads: %j", async (sent, read) => {
  await using provider = await startProvider((res) => res.writeHead(400, { "retry-after": "1" }).end(sent));
  const response = await providerFetch(provider.baseURL, { method: "POST", body: "{}" });
  expect(response.status).toBe(400);
  expect(response.headers.get("retry-after")).toBe("1");
  expect(await response.text()).toBe(read);
});
