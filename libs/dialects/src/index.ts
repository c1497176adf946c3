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
export { answerIdOf, placeOfRun, runIdOf } from "./ai-sdk/addresses.ts";
export { AiSdkVersion, ChatBody, ChatName, decodeChat, type AskedOfChat, type Decision } from "./ai-sdk/decode.ts";
export { aiSdkDialect, aiSdkHeaders, createAiSdkSpeech, type AiSdkSpeechOptions } from "./ai-sdk/dialect.ts";
export { createAiSdkSocketDialect, type AiSdkSocketOptions } from "./ai-sdk/socket-dialect.ts";
export { recentlyEnded } from "./ai-sdk/state.ts";
