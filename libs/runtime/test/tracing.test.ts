import { once } from "node:events";
import { readFile, rm, mkdtemp } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createLogger, noTracing, startTracing, type TraceSettings } from "@parley/runtime";
import { afterEach, describe, expect, it } from "vitest";

const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0)) await release();
});

async function folder(): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), "parley-traces-"));
  releases.push(() => rm(dir, { recursive: true }));
  return dir;
}

function start(settings: TraceSettings, lines: string[] = []) {
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ service: "test", level: "info", format: "json", destination });
  return startTracing({ service: "test", instance: "test-1", settings, log });
}

async function collector(status: number) {
  const bodies: string[] = [];
  const server: Server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      bodies.push(`${request.url} ${body}`);
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  releases.push(() => server.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return { bodies, endpoint: `http://127.0.0.1:${port}` };
}

describe("tracing", () => {
  it("is nothing at all while no place to send traces to is set", async () => {
    expect(await start({ TRACES_SAMPLE_RATIO: 1 })).toBe(noTracing);
    const span = noTracing.start({ name: "turn" });
    expect(span.child({ name: "step" })).toBe(span);
    expect(span.traceparent).toBeUndefined();
  });

  it("writes spans as JSON lines, with their parents, links and failures", async () => {
    const file = path.join(await folder(), "traces", "traces.jsonl");
    const tracing = await start({ TRACES_FILE: file, TRACES_SAMPLE_RATIO: 1 });
    const span = tracing.start({ name: "turn", kind: "consumer" });
    const child = span.child({ name: "step", attributes: { "parley.turn.step": 0, left_out: undefined } });
    child.link(`00-${"1".repeat(32)}-${"2".repeat(16)}-01`);
    child.fail("MODEL_TIMEOUT");
    child.end();
    span.end();
    await tracing.close();
    const spans = (await readFile(file, "utf8"))
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(spans).toMatchObject([
      {
        name: "step",
        service: "parley-test",
        failed: true,
        attributes: { "parley.turn.step": 0, "error.type": "MODEL_TIMEOUT" },
        links: [{ trace_id: "1".repeat(32), span_id: "2".repeat(16) }],
        parent_id: span.traceparent?.split("-")[2],
      },
      { name: "turn", kind: "consumer" },
    ]);
    expect(spans[0]).not.toHaveProperty("attributes.left_out");
  });

  it("begins no trace where no ratio is set, but goes on with those of others", async () => {
    const tracing = await start({ TRACES_FILE: path.join(await folder(), "traces.jsonl") });
    releases.push(tracing.close);
    expect(tracing.start({ name: "turn" }).traceparent).toBeUndefined();
    const parent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    expect(tracing.start({ name: "turn", parent }).traceId).toBe("a".repeat(32));
    expect(tracing.start({ name: "turn", parent: parent.replace(/01$/, "00") }).traceparent).toBeUndefined();
  });

  it.each(["", "nonsense", `00-${"0".repeat(32)}-${"b".repeat(16)}-01`])(
    "begins a new trace when the parent is %j",
    async (parent) => {
      const tracing = await start({ TRACES_FILE: path.join(await folder(), "traces.jsonl"), TRACES_SAMPLE_RATIO: 1 });
      releases.push(tracing.close);
      expect(tracing.start({ name: "turn", parent }).traceparent).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-01$/);
    },
  );

  it("keeps the share of traces that is asked for", async () => {
    const tracing = await start({ TRACES_FILE: path.join(await folder(), "traces.jsonl"), TRACES_SAMPLE_RATIO: 0.2 });
    releases.push(tracing.close);
    const kept = Array.from({ length: 2_000 }, () => tracing.start({ name: "turn" }).traceId).filter(Boolean).length;
    expect(kept).toBeGreaterThan(300);
    expect(kept).toBeLessThan(500);
  });

  it("sends spans to a collector, the last ones when it closes", async () => {
    const { bodies, endpoint } = await collector(200);
    const tracing = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint}/`, TRACES_SAMPLE_RATIO: 1 });
    tracing.start({ name: "the last words" }).end();
    await tracing.close();
    expect(bodies).toHaveLength(1);
    expect(bodies[0]).toMatch(/^\/v1\/traces .*the last words/s);
  });

  it("says once that a collector takes nothing, and closes in time all the same", async () => {
    const { endpoint } = await collector(400);
    const lines: string[] = [];
    const tracing = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, TRACES_SAMPLE_RATIO: 1 }, lines);
    for (let i = 0; i < 600; i++) tracing.start({ name: "lost" }).end();
    const startedMs = performance.now();
    await tracing.close();
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    expect(lines.filter((line) => line.includes("traces cannot be exported"))).toHaveLength(1);
  });

  it("closes in time when nobody listens where the collector should be", async () => {
    const tracing = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", TRACES_SAMPLE_RATIO: 1 });
    tracing.start({ name: "lost" }).end();
    const startedMs = performance.now();
    await tracing.close();
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });
});
