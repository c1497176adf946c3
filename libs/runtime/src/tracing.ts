import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import { decimalNumber, httpAddress, optionalText } from "./config-fields.ts";
import type { Logger } from "./logger.ts";
import { noTracing, type Tracing } from "./trace-span.ts";

export interface TraceSettings {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly TRACES_FILE?: string | undefined;
  /** Only of processes in which traces begin. */
  readonly TRACES_SAMPLE_RATIO?: number | undefined;
}

export interface TracingOptions {
  readonly service: string;
  readonly instance: string;
  readonly settings: TraceSettings;
  readonly log: Logger;
}

const OTLP_DELAY_MS = 1_000;
/** A person looks into the file right after a turn. */
const FILE_DELAY_MS = 200;

/** The settings of tracing that every process has, for its schema. */
export function traceFields() {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: httpAddress().describe(
      "Collector that gets traces (OTLP over HTTP); none if not set.",
    ),
    TRACES_FILE: optionalText().describe("File that gets traces as JSON lines, if there is no collector."),
  };
}

/** The share of new traces that is recorded, for the schema of a process in which traces begin. */
export function sampleRatio() {
  return decimalNumber(0, 1).default(1).describe("Share of the turns that are traced, 0 to 1.");
}

/** Tracing as the settings say. Without a place to send traces to nothing of the SDK is loaded, and spans cost nothing. */
export async function startTracing({ service, instance, settings, log }: TracingOptions): Promise<Tracing> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, TRACES_FILE: file, TRACES_SAMPLE_RATIO } = settings;
  if (endpoint === undefined && file === undefined) return noTracing;
  const { openTracing } = await import("./trace-provider.ts");
  return openTracing({
    ...{ service, instance, log },
    sampleRatio: TRACES_SAMPLE_RATIO,
    exporter: endpoint === undefined ? await fileExporter(file ?? "") : await otlpExporter(endpoint),
    delayMs: endpoint === undefined ? FILE_DELAY_MS : OTLP_DELAY_MS,
  });
}

async function otlpExporter(endpoint: string): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  return new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, "")}/v1/traces`, timeoutMillis: 5_000 });
}

async function fileExporter(file: string): Promise<SpanExporter> {
  const { createTraceFile } = await import("./trace-file.ts");
  return createTraceFile(file);
}
