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
  textOfMessage,
  type A2aMessage,
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
