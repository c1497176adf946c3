import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { hasClients, runClient } from "./client-run.ts";
import { startStreamWriter, type StreamWriter } from "./durable-streams-writer.ts";
import { startConformanceWorld, type ConformanceWorld } from "./world.ts";

const Result = z.object({ group: z.string(), title: z.string(), status: z.string(), message: z.string() });

/** What a server without streams that are created, closed, forked or let expire by their readers has no answer to; and subscriptions, which are an extension. */
const notOfReaders = "Fork|Stream Closure|Idempotent Producer|TTL|HEAD Metadata Edge Cases|Reserved subscription";

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

  test("text: its read half finds no fault, and the page names its tests", { timeout: 580_000 }, async () => {
    const input = { url: writer.url, only: `^(?!.*(?:${notOfReaders}))` };
    const client = runClient("durable-streams-suite", { input, timeoutMs: 570_000 });
    await client.until("done");
    const all = client.lines.filter(({ type }) => type === "test").map((line) => Result.parse(line));
    const results = all.filter(({ status }) => status !== "skipped");
    expect(results.filter(({ status }) => status !== "passed")).toEqual([]);
    const page = await readFile(docs, "utf8");
    expect(results.filter(({ title }) => !page.includes(title))).toEqual([]);
    expect(results.length).toBeGreaterThan(120);
  });
});
