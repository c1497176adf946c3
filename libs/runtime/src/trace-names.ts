/**
 * Attribute names of the OpenTelemetry semantic conventions that Parley follows. Own constants, because both groups are in "development"
 * and the package that had them marks them as moved. Sources: github.com/open-telemetry/semantic-conventions-genai (gen_ai.*) and
 * opentelemetry.io/docs/specs/semconv/messaging (messaging.*).
 */
export const traceNames = {
  errorType: "error.type",
  serverAddress: "server.address",
  serverPort: "server.port",

  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  conversation: "gen_ai.conversation.id",
  agent: "gen_ai.agent.name",
  requestModel: "gen_ai.request.model",
  requestStream: "gen_ai.request.stream",
  responseModel: "gen_ai.response.model",
  finishReasons: "gen_ai.response.finish_reasons",
  /** Seconds. */
  timeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  tool: "gen_ai.tool.name",
  toolCall: "gen_ai.tool.call.id",
  toolType: "gen_ai.tool.type",

  messagingSystem: "messaging.system",
  messagingOperation: "messaging.operation.name",
  messagingOperationType: "messaging.operation.type",
  /** With placeholders instead of ids. */
  destination: "messaging.destination.template",
  messageId: "messaging.message.id",

  /** Parley's own. */
  turn: "parley.turn.id",
  attempt: "parley.turn.attempt",
  /** How a turn ended: complete, cancelled, error. */
  outcome: "parley.turn.outcome",
  /** What became of an attempt: ended, skipped, lost, handed over. */
  result: "parley.turn.result",
  routeMethod: "parley.route.method",
  routeConfidence: "parley.route.confidence",
  passages: "parley.retrieval.passages",
  toolStatus: "parley.tool.status",
  code: "parley.error.code",
  queuePosition: "parley.queue.position",
  /** Seconds. */
  queueWait: "parley.queue.wait",
  duplicate: "parley.message.duplicate",
  step: "parley.turn.step",
  /** An earlier worker had the job and was lost. */
  recovered: "parley.job.recovered",
} as const;
