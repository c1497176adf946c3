import { appendFile, mkdir, rename, stat } from "node:fs/promises";
import path from "node:path";
import { SpanKind, SpanStatusCode, type HrTime } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";

/** Two files of this size are kept: the one that is written and the one before it. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;

/**
 * Writes spans as JSON lines. Several processes may share the file: each batch is one append, and whoever finds it full moves it to
 * `<file>.1`. Two that find it full at once may lose what was written in between; that is what a bound on a developer's disk is worth.
 */
export function createTraceFile(file: string, maxFileBytes = MAX_FILE_BYTES): SpanExporter {
  const write = async (spans: readonly ReadableSpan[]): Promise<void> => {
    await mkdir(path.dirname(file), { recursive: true });
    const sizeBytes = await stat(file).then(
      ({ size }) => size,
      () => 0,
    );
    if (sizeBytes >= maxFileBytes) await rename(file, `${file}.1`).catch(() => undefined);
    await appendFile(file, spans.map((span) => `${JSON.stringify(recordOf(span))}\n`).join(""));
  };
  return {
    export(spans, report: (result: ExportResult) => void) {
      write(spans).then(
        () => report({ code: ExportResultCode.SUCCESS }),
        (error: unknown) => report(failure(error)),
      );
    },
    shutdown: () => Promise.resolve(),
  };
}

function failure(error: unknown): ExportResult {
  return { code: ExportResultCode.FAILED, error: error instanceof Error ? error : new Error(String(error)) };
}

function recordOf(span: ReadableSpan) {
  const { traceId, spanId } = span.spanContext();
  const { parentSpanContext, status, links, events } = span;
  return {
    trace_id: traceId,
    span_id: spanId,
    ...(parentSpanContext === undefined ? {} : { parent_id: parentSpanContext.spanId }),
    name: span.name,
    kind: SpanKind[span.kind].toLowerCase(),
    service: span.resource.attributes["service.name"],
    instance: span.resource.attributes["service.instance.id"],
    start_ms: msOf(span.startTime),
    duration_ms: msOf(span.duration),
    attributes: span.attributes,
    ...(status.code === SpanStatusCode.ERROR ? { failed: true } : {}),
    ...(links.length === 0
      ? {}
      : { links: links.map(({ context }) => ({ trace_id: context.traceId, span_id: context.spanId })) }),
    ...(events.length === 0
      ? {}
      : { events: events.map(({ name, time, attributes }) => ({ name, at_ms: msOf(time), attributes })) }),
  };
}

function msOf([seconds, nanoseconds]: HrTime): number {
  return Math.round(seconds * 1e6 + nanoseconds / 1e3) / 1e3;
}
