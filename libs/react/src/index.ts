export type { HistoryPage, LoadPage } from "./history.ts";
export type { ListedConversation, ListPage, LoadListPage } from "./conversation-list.ts";
export type { ProgressStep } from "./progress.ts";
export { ParleyProvider, useClient } from "./provider.ts";
export { useConnection, type ConnectionView } from "./use-connection.ts";
export {
  useApprovals,
  useConversation,
  useMessages,
  useOpenTurn,
  useProgress,
  useQueue,
  useRefusal,
  useHandover,
  useTitle,
  useView,
} from "./use-conversation.ts";
export {
  useConversationList,
  type ConversationListOptions,
  type ConversationListView,
} from "./use-conversation-list.ts";
export { useHistory, type HistoryView } from "./use-history.ts";
export { useMembers, usePresence, useReactions, useReaders, useReplies, useRoom, useTyping } from "./use-room.ts";
export { useSend, type Sending } from "./use-send.ts";
export type { ChatEvent, ChatToolCall, CompleteData, ErrorData } from "./seed-a/chat-events.ts";
export type { ChatMessage, ChatSocketStatus } from "./seed-a/chat-socket.ts";
export {
  createChatStore,
  useChatStore,
  type ChatState,
  type NewChatMessage,
  type StoredChatMessage,
} from "./seed-a/chat-store.ts";
export { useChatWebSocket, type ChatWebSocket, type ChatWebSocketOptions } from "./seed-a/use-chat-web-socket.ts";
