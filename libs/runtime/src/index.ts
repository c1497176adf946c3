export {
  AdminRefusal,
  adminLines,
  type AdminOptions,
  type AdminPage,
  type AdminRequest,
  type AdminRoute,
  startAdmin,
} from "./admin.ts";
export { ConfigError, type Environment, readConfig } from "./config.ts";
export { isHttpAddress, isOrigin, natsServersOf } from "./addresses.ts";
export {
  auditFields,
  brokerFields,
  decimalNumber,
  durationMs,
  flag,
  host,
  httpAddress,
  logFormat,
  logLevel,
  nodeEnv,
  limitsFile,
  optionalText,
  port,
  pushHosts,
  redisFields,
  secret,
  wholeNumber,
} from "./config-fields.ts";
export { encryptionFields } from "./encryption-fields.ts";
export { personalDataIn, replacePersonalData, type PersonalData, type PersonalKind } from "./personal-data.ts";
export { createGate } from "./gate.ts";
export { createLifecycle, type Lifecycle, type Release, type ReleaseOptions } from "./lifecycle.ts";
export { listen, type Listener, type ListenOptions } from "./listen.ts";
export { createLogger, type LogFormat, type Logger, type LoggerOptions, type LogLevel } from "./logger.ts";
export { Counter, createMetrics, Gauge, Histogram, Registry } from "./metrics.ts";
export { addCounts, addGauge, createKnownLabel, createSampled } from "./metric-parts.ts";
export { type MainContext, runMain } from "./run-main.ts";
export { StartError } from "./start-error.ts";
export { traceNames } from "./trace-names.ts";
export {
  noSpan,
  noTracing,
  type ChildSpan,
  type RootSpan,
  type SpanAttributes,
  type TraceSpan,
  type Tracing,
} from "./trace-span.ts";
export { sampleRatio, startTracing, traceFields, type TraceSettings } from "./tracing.ts";
export { liveHeapBytes } from "./live-heap.ts";
export { readBody, readJsonBody, RequestBodyError } from "./request-body.ts";
export { openLimits, type LiveLimits } from "./live-limits.ts";
export { openLiveFile, type LiveFile } from "./live-file.ts";
export { McpOAuth, personalOAuthOf, plainAddressOf, type PersonalOAuth } from "./mcp-oauth.ts";
export { parseYaml, type ParsedYaml, type YamlFile } from "./yaml-file.ts";
export { type Backoff, createBackoff, DeadlineError, sleep, unlessAborted, withDeadline } from "./timing.ts";
