/**
 * What a viewer makes of frames, without the schemas: for browsers (`@parley/protocol/fold`). Frames are taken as what they say they are; whoever
 * does not trust their sender parses them first.
 */
export { errorRowOf } from "./error-table.ts";
export { isTerminal, isVisible } from "./event-kinds.ts";
export { limits } from "./limits.ts";
export { messageIdOf } from "./message-ids.ts";
export {
  messages,
  pendingApprovals,
  queue,
  turn,
  type MessageView,
  type PendingApproval,
  type QueuedTurn,
} from "./messages.ts";
export { answerOf, outcomeOf, partsOfMessage, storedParts } from "./outcome.ts";
export {
  callPart,
  approvalTermsOf,
  foldParts,
  isReasoning,
  isSource,
  isText,
  isToolCall,
  noParts,
  pendingCallsOf,
  storedApproval,
  textOf,
  toolCallsOf,
  type Parts,
} from "./parts-fold.ts";
export {
  createTurnView,
  createView,
  foldEvent,
  foldFrame,
  foldQueue,
  type ConversationView,
  type TurnView,
} from "./view.ts";
