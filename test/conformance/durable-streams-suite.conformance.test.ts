import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { hasClients, runClient } from "./client-run.ts";
import { startStreamWriter, type StreamWriter } from "./durable-streams-writer.ts";
import { startConformanceWorld, type ConformanceWorld } from "./world.ts";

const Result = z.object({ group: z.string(), title: z.string(), status: z.string(), message: z.string() });

/** The groups that judge a reader's side: offsets, pages, waiting, server-sent events, headers and caches. The others judge writing, closing, forking and expiry. */
const ofReaders = [
  ...["Read Operations", "Long-Poll Operations", "HEAD Metadata /", "Offset Validation and Resumability"],
  ...["Browser Security Headers", "Long-Poll Edge Cases", "Caching and ETag", "Chunking and Large Payloads"],
  ...["Read-Your-Writes Consistency", "SSE Mode", "Protocol Edge Cases", "Basic Stream Operations"],
  ...["Property-Based Tests", "Offset Validation Properties", "Immutability Properties", "State Hash Verification"],
];

const docs = path.join(import.meta.dirname, "../../docs/durable-streams.md");

describe.skipIf(!hasClients)("server-conformance-tests 0.3.6", () => {
  let world: ConformanceWorld;
  let writer: StreamWriter;
  beforeAll(async () => {
    world = await startConformanceWorld({ edge: { ALLOWED_ORIGINS: "https://example.com" } });
    writer = await startStreamWriter(world);
  }, 60_000);
  afterAll(async () => {
    await writer[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
  });

  test("text: its read half finds no fault but those that the page names", { timeout: 580_000 }, async () => {
    const input = { url: writer.url, only: `^(${ofReaders.join("|")})` };
    const client = runClient("durable-streams-suite", { input, timeoutMs: 570_000 });
    await client.until("done");
    const all = client.lines.filter(({ type }) => type === "test").map((line) => Result.parse(line));
    const results = all.filter(({ status }) => status !== "skipped");
    const failed = results.filter(({ status }) => status === "failed");
    const page = await readFile(docs, "utf8");
    expect(failed.filter(({ title }) => !page.includes(title))).toEqual([]);
    expect(results.length).toBeGreaterThan(90);
    console.log(results.map(({ group, title, status }) => `${status} ${group} | ${title}`).join("\n"));
  });
});
