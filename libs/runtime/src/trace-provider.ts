import {
  ROOT_CONTEXT,
  SpanKind as OtelKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type SpanContext,
  type Tracer,
} from "@opentelemetry/api";
import { type ExportResult, ExportResultCode, parseTraceParent } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-base";
import type { Logger } from "./logger.ts";
import { withDeadline } from "./timing.ts";
import { traceNames } from "./trace-names.ts";
import { noSpan, type ChildSpan, type SpanKind, type TraceSpan, type Tracing } from "./trace-span.ts";

export interface ProviderOptions {
  readonly service: string;
  /** Unique to this process. */
  readonly instance: string;
  /** Share of the traces that begin here; undefined: none begins here, only those of others go on. */
  readonly sampleRatio: number | undefined;
  readonly exporter: SpanExporter;
  /** How long a span may wait to be sent: what a killed process loses. */
  readonly delayMs: number;
  readonly log: Logger;
}

/** What waits to be sent is bounded; more is dropped. */
const MAX_WAITING_SPANS = 2_048;
const MAX_BATCH_SPANS = 512;
const EXPORT_TIMEOUT_MS = 5_000;
/** Leaves the rest of a shutdown its time, also while the collector does not answer. */
const CLOSE_MS = 1_500;
const MAX_ATTRIBUTE_CHARS = 512;

const kinds: Record<SpanKind, OtelKind> = {
  internal: OtelKind.INTERNAL,
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  producer: OtelKind.PRODUCER,
  consumer: OtelKind.CONSUMER,
};

/** Tracing with the OpenTelemetry SDK. Nothing of it is global. */
export function openTracing(options: ProviderOptions): Tracing {
  const { service, instance, sampleRatio, exporter, delayMs, log } = options;
  const root = sampleRatio === undefined ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(sampleRatio);
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": `parley-${service}`, "service.instance.id": instance }),
    sampler: new ParentBasedSampler({ root }),
    spanLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE_CHARS },
    spanProcessors: [
      new BatchSpanProcessor(sayFailures(exporter, log), {
        maxQueueSize: MAX_WAITING_SPANS,
        maxExportBatchSize: MAX_BATCH_SPANS,
        scheduledDelayMillis: delayMs,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer("parley");
  return {
    start: ({ parent, ...span }) => begin(tracer, span, contextOf(parent)),
    async close() {
      const closed = withDeadline(provider.shutdown(), CLOSE_MS, "sending the last traces");
      await closed.catch((err: unknown) => log.debug({ err }, "the last traces could not be sent"));
    },
  };
}

function begin(tracer: Tracer, { name, kind = "internal", attributes = {} }: ChildSpan, parent: Context): TraceSpan {
  const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, parent);
  return span.isRecording() ? recording(tracer, span) : noSpan;
}

function recording(tracer: Tracer, span: Span): TraceSpan {
  const context = span.spanContext();
  return {
    traceId: context.traceId,
    traceparent: `00-${context.traceId}-${context.spanId}-01`,
    child: (child) => begin(tracer, child, trace.setSpan(ROOT_CONTEXT, span)),
    set: (attributes) => void span.setAttributes(attributes),
    link(traceparent) {
      const linked = remote(traceparent);
      if (linked !== undefined) span.addLink({ context: linked });
    },
    event: (name, attributes) => void span.addEvent(name, attributes),
    fail(errorType) {
      span.setAttribute(traceNames.errorType, errorType);
      span.setStatus({ code: SpanStatusCode.ERROR });
    },
    end: () => span.end(),
  };
}

function remote(traceparent: string | undefined): SpanContext | undefined {
  const context = traceparent === undefined ? null : parseTraceParent(traceparent);
  return context === null ? undefined : { ...context, isRemote: true };
}

function contextOf(traceparent: string | undefined): Context {
  const context = remote(traceparent);
  return context === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, context);
}

/** One line when sending begins to fail and one when it works again: the service itself goes on untouched. */
function sayFailures(exporter: SpanExporter, log: Logger): SpanExporter {
  let isFailing = false;
  const note = ({ code, error }: ExportResult): void => {
    const fails = code === ExportResultCode.FAILED;
    if (fails && !isFailing) log.warn({ reason: error?.message }, "traces cannot be exported; they are dropped");
    if (!fails && isFailing) log.info("traces are exported again");
    isFailing = fails;
  };
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        note(result);
        // The SDK would report a failure a second time, through a global handler of its own.
        done({ code: ExportResultCode.SUCCESS });
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}
