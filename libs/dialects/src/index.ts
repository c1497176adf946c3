export type { Dialect } from "./dialect.ts";
export { changedMessage, decodeVisible, isFoldable, type VisibleEvent } from "./visible-event.ts";
export { legacyBody, legacyStatus } from "./frame-bytes.ts";
export { createTurnWatch, type TerminalEvent, type TurnPlace, type TurnWatch } from "./turn-watch.ts";
export { dialectOfFrame, type DialectName } from "./choice.ts";
export { frameWithoutPosts, withoutPost } from "./posts-as-turns.ts";
export {
  actingDialect,
  knowsBatches,
  knowsPosts,
  knowsUnknown,
  nativeDialect,
  nativeDialectOf,
} from "./native/dialect.ts";
export { undecidedDialect } from "./undecided/dialect.ts";
export { conversationOfSession, sessionConversation, type IsOwn } from "./seed/addresses.ts";
export { cutOf, seedMetadata, seedToolCall } from "./seed/encode.ts";
export { createDialectA } from "./seed-a/dialect.ts";
export { createDialectC } from "./seed-c/dialect.ts";
export { createSseDialect } from "./sse/dialect.ts";
export { createTurnSteps, partsUntilDecision, type TurnSteps } from "./turn/steps.ts";
export type { GrowingKind, NotedEvent, TurnStep, TurnStepsOptions } from "./turn/turn-step.ts";
export { stepOfCall } from "./turn/ordered-steps.ts";
export { createSpeechDialect, sayWhole, type Said, type SpeechEnds, type TurnSpeech } from "./turn/speech.ts";
export {
  openAiErrorHeaders,
  openAiErrorOf,
  paramError,
  ParamFault,
  type OpenAiError,
  type OpenAiErrorBody,
} from "./openai/error.ts";
export {
  conversationOfRequest,
  filled,
  isTaskPrompt,
  namedConversation,
  namingHeaders,
  requestDigest,
  type ReadHeader,
} from "./chat-completions/addresses.ts";
export { CompletionRequest, decodeCompletion, type AskedCompletion } from "./chat-completions/decode.ts";
export { createChatCompletionsSpeech } from "./chat-completions/dialect.ts";
export { completionOf } from "./chat-completions/encode.ts";
export type { ChatCompletionsOptions } from "./chat-completions/state.ts";
export { placeOfItem, placeOfResponse, responseIdOf, type ResponsePlace } from "./responses/addresses.ts";
export {
  decodeResponse,
  messageIn,
  noSuchResponse,
  ResponsesRequest,
  type AskedMessage,
  type AskedResponse,
  type KeptBefore,
} from "./responses/decode.ts";
export {
  createResponsesSpeech,
  historyOf,
  responseOf,
  type ResponseKnown,
  type TurnHistory,
} from "./responses/dialect.ts";
export {
  askedPeople,
  askedPeopleBefore,
  clientCallsBefore,
  clientCallsIn,
  itemsOfTurn,
  type AskedPeople,
} from "./responses/recorded.ts";
export { questionItem } from "./responses/objects.ts";
export { answerIdOf, placeOfRun, runIdOf, type RunPlace } from "./ai-sdk/addresses.ts";
export {
  AiSdkVersion,
  ChatBody,
  ChatName,
  decodeChat,
  type AskedOfChat,
  type Decision,
  type NamedMessage,
  type Renew,
} from "./ai-sdk/decode.ts";
export { aiSdkDialect, aiSdkHeaders, createAiSdkSpeech, type AiSdkSpeechOptions } from "./ai-sdk/dialect.ts";
export { addressOfFile, fileOfBase64, fileOfUrl, type GivenFile } from "./given-file.ts";
export { messagesOfChat, operatorMessage, questionMessage, type UiMessage } from "./ai-sdk/history.ts";
export { createNumberedSpeech, numberedHistoryOf, type NumberedFrom, type NumberedHistory } from "./ai-sdk/numbered.ts";
export { createAiSdkSocketDialect, type AiSdkSocketOptions } from "./ai-sdk/socket-dialect.ts";
export { turnOfQuestion, questionId } from "./ag-ui/addresses.ts";
export { decisionsOf, RunAgentInput, runOf, type AskedRun, type CallDecision } from "./ag-ui/decode.ts";
export { createAgUiSpeech, sayThread, type AgUiSpeechOptions, type DecisionRefusal } from "./ag-ui/dialect.ts";
export { answerMessages, type ThreadMessage } from "./ag-ui/state.ts";
export {
  conversationOfContext,
  conversationOfMessage,
  contextIdOf,
  placeOfTask,
  type TaskPlace,
} from "./a2a/addresses.ts";
export {
  CardParams,
  ListParams,
  SendParams,
  TaskParams,
  agentOf,
  checkOutputModes,
  checkVersion,
  decisionsIn,
  decodeParams,
  decodeRpc,
  rpcIdOf,
  filesOfMessage,
  textOfMessage,
  type A2aMessage,
  type Decision as A2aDecision,
  type RpcRequest,
} from "./a2a/decode.ts";
export { createA2aSpeech, type A2aSpeechOptions } from "./a2a/dialect.ts";
export {
  isRefusal,
  rejectedTask,
  stateOfTask,
  taskObject,
  type TaskExtras,
  type TaskQuestion,
  type TaskView,
} from "./a2a/encode.ts";
export { A2aError, errorAnswer, noSuchTask, type RpcId } from "./a2a/faults.ts";
export { cacheCursor, offsetOf, placeOfOffset, type StreamPlace } from "./durable-streams/addresses.ts";
export { createDurableStreamDialect } from "./durable-streams/dialect.ts";
export { eventMessage, snapshotMessage, streamBody } from "./durable-streams/encode.ts";
export { agentTools, answerTool, placeOfMcpTask } from "./mcp/addresses.ts";
export {
  argumentsProblem,
  callMessage,
  clusterToolResult,
  clusterTools,
  type McpToolResult,
} from "./mcp/cluster-tools.ts";
export { AgentArguments, AnswerArguments, decisionOf } from "./mcp/decode.ts";
export { askableCalls, questionOf } from "./mcp/elicitation.ts";
export { failedResult, resultOf, sentenceOf, toolsOf, type McpResult, type Whereabouts } from "./mcp/encode.ts";
export { documentType, readableDocuments, resourcePage, uriOfDocument } from "./mcp/resources.ts";
export { createProgressTeller } from "./mcp/state.ts";
export { settledTask, tasksExtension, workingTask, type McpTask } from "./mcp/tasks.ts";
export { isUnkept, unkeptConversation } from "./responses/addresses.ts";
export { compactionItem } from "./responses/compaction.ts";
export { messagesOf as messagesOfInput, readInput } from "./responses/input.ts";
export {
  createResponsesSocketDialect,
  responsesDialect,
  type ResponsesSession,
  type SocketResponse,
} from "./responses/socket-dialect.ts";
