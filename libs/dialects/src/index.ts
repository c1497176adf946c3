export type { Dialect } from "./dialect.ts";
export { changedMessage, decodeVisible, isFoldable, type VisibleEvent } from "./visible-event.ts";
export { legacyBody, legacyStatus } from "./frame-bytes.ts";
export { createTurnWatch, type TerminalEvent, type TurnPlace, type TurnWatch } from "./turn-watch.ts";
export { dialectOfFrame, type DialectName } from "./choice.ts";
export { knowsUnknown, nativeDialect, nativeDialectOf } from "./native/dialect.ts";
export { undecidedDialect } from "./undecided/dialect.ts";
export { conversationOfSession, sessionConversation, type IsOwn } from "./seed/addresses.ts";
export { cutOf, seedMetadata, seedToolCall } from "./seed/encode.ts";
export { createDialectA } from "./seed-a/dialect.ts";
export { createDialectC } from "./seed-c/dialect.ts";
export { createSseDialect } from "./sse/dialect.ts";
export {
  createTurnSteps,
  partsUntilDecision,
  type GrowingKind,
  type NotedEvent,
  type TurnStep,
  type TurnSteps,
  type TurnStepsOptions,
} from "./turn/steps.ts";
export { createSpeechDialect, sayWhole, type Said, type SpeechEnds, type TurnSpeech } from "./turn/speech.ts";
export { agentTools, answerTool, placeOfTask } from "./mcp/addresses.ts";
export { AgentArguments, AnswerArguments, decisionOf } from "./mcp/decode.ts";
export { createMcpSpeech } from "./mcp/dialect.ts";
export { askableCalls, questionOf } from "./mcp/elicitation.ts";
export { failedResult, resultOf, toolsOf, type McpResult, type Whereabouts } from "./mcp/encode.ts";
export { createProgressTeller } from "./mcp/state.ts";
export { settledTask, tasksExtension, workingTask, type McpTask } from "./mcp/tasks.ts";
