import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { expect, it } from "vitest";
import { createTraceFile } from "../src/trace-file.ts";

it("keeps two files at most, each little larger than its limit", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "parley-traces-"));
  try {
    const file = path.join(dir, "traces.jsonl");
    const maxBytes = 4_096;
    const provider = new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(createTraceFile(file, maxBytes))],
    });
    for (let i = 0; i < 60; i++) {
      provider.getTracer("test").startSpan("turn", {}, ROOT_CONTEXT).end();
      await provider.forceFlush();
    }
    expect((await readdir(dir)).toSorted()).toEqual(["traces.jsonl", "traces.jsonl.1"]);
    for (const name of await readdir(dir))
      expect((await stat(path.join(dir, name))).size).toBeLessThan(maxBytes + 1_024);
  } finally {
    await rm(dir, { recursive: true });
  }
});
