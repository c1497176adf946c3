import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { hasClients, runClient } from "./client-run.ts";
import { startStreamWriter, type StreamWriter } from "./durable-streams-writer.ts";
import { startConformanceWorld, type ConformanceWorld } from "./world.ts";

const Result = z.object({
  group: z.string(),
  title: z.string(),
  status: z.string(),
  message: z.string(),
});

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

  test("text: all tests", { timeout: 580_000 }, async () => {
    const client = runClient("durable-streams-suite", { input: { url: writer.url }, timeoutMs: 570_000 });
    await client.until("done");
    const results = client.lines.filter(({ type }) => type === "test").map((line) => Result.parse(line));
    console.log(results.map((one) => `${one.status.padEnd(7)} ${one.group} / ${one.title} ${one.message}`).join("\n"));
    expect(results.length).toBeGreaterThan(0);
  });
});
