import { create, type StoreApi, type UseBoundStore } from "zustand";
import type { ChatEvent, ChatToolCall, ErrorData } from "./chat-events.ts";

/** A message as seed A's page keeps it. */
export interface StoredChatMessage {
  readonly id: string;
  readonly role: "user" | "assistant" | "system";
  readonly content: string;
  /** It is part of a stream: more text may be added to it. */
  readonly stream: boolean;
  /** Why an answer ended without being whole. */
  readonly error?: string;
}

export interface NewChatMessage {
  readonly role: StoredChatMessage["role"];
  readonly content: string;
  readonly stream?: boolean;
  readonly error?: string;
}

export interface ChatState {
  readonly messages: readonly StoredChatMessage[];
  /** All calls so far, oldest first; each stands there from its start on. */
  readonly toolCalls: readonly ChatToolCall[];
  readonly conversationId: string | undefined;
  /** What is done before there is any text; undefined: nothing is. */
  readonly thinking: string | undefined;
  /** Messages of the user that have no end yet. */
  readonly pending: number;
  /** With `stream: true` the text is added to the last message if that is an assistant's that streams; else the message is a new one. */
  readonly addMessage: (message: NewChatMessage) => void;
  /** A call that starts, or the same one when it has ended. Without `call_id` it is known by its tool and arguments. */
  readonly addToolCall: (call: ChatToolCall) => void;
  /** Does what an event of `useChatWebSocket` says; give it as `onMessage`. */
  readonly receive: (event: ChatEvent) => void;
  readonly setConversationId: (id: string | undefined) => void;
  /** Begins a new conversation. */
  readonly clear: () => void;
}

type Content = Pick<ChatState, "messages" | "toolCalls" | "conversationId" | "thinking" | "pending">;

const empty: Content = {
  messages: [],
  toolCalls: [],
  conversationId: undefined,
  thinking: undefined,
  pending: 0,
};

/** The store of seed A's chat page. */
export function createChatStore(): UseBoundStore<StoreApi<ChatState>> {
  return create<ChatState>((set) => ({
    ...empty,
    addMessage: (message) => set((state) => withMessage(state, message)),
    addToolCall: (call) => set(({ toolCalls }) => ({ toolCalls: withCall(toolCalls, call) })),
    receive: (event) => set((state) => ({ ...withEvent(state, event), ...conversationOf(event) })),
    setConversationId: (conversationId) => set({ conversationId }),
    clear: () => set(empty),
  }));
}

/** The one store of a page. */
export const useChatStore = createChatStore();

function conversationOf({ data }: ChatEvent): Partial<Content> {
  return data.conversation_id === undefined ? {} : { conversationId: data.conversation_id };
}

function withEvent(state: Content, event: ChatEvent): Partial<Content> {
  switch (event.type) {
    case "thinking":
      return { thinking: event.data.message };
    case "text":
      return { thinking: undefined, messages: withText(state.messages, event.data.text) };
    case "tool_call_start":
    case "tool_call_end":
      return { thinking: undefined, toolCalls: withCall(state.toolCalls, event.data) };
    case "complete": {
      const { message, tool_calls: calls } = event.data;
      return { ...withEnd(state, { content: message }), toolCalls: calls.reduce(withCall, state.toolCalls) };
    }
    case "error":
      return withError(state, event.data);
  }
}

type Messages = readonly StoredChatMessage[];

function withMessage({ messages, pending }: Content, message: NewChatMessage): Partial<Content> {
  const last = messages.at(-1);
  const goesOn = message.stream === true && last?.stream === true && last.role === message.role;
  if (goesOn) return { messages: withText(messages, message.content) };
  return { messages: appended(messages, message), pending: message.role === "user" ? pending + 1 : pending };
}

function appended(messages: Messages, { stream = false, ...message }: NewChatMessage): Messages {
  return [...messages, { id: `${messages.length}`, ...message, stream }];
}

/** The answer that streams goes on, also where the user has said something meanwhile; or another one begins. */
function withText(messages: Messages, text: string): Messages {
  const at = messages.findLastIndex(({ stream }) => stream);
  const answer = messages[at];
  if (answer === undefined) return appended(messages, { role: "assistant", content: text, stream: true });
  return messages.with(at, { ...answer, content: answer.content + text });
}

type End = { readonly content: string } | { readonly error: string };

/** The answer that streams has ended; one without any text is there from its end on. */
function withEnd({ messages, pending }: Content, end: End): Partial<Content> {
  const at = messages.findLastIndex(({ stream }) => stream);
  const answer = messages[at];
  const shown =
    answer === undefined
      ? appended(messages, { role: "assistant", content: "", ...end })
      : messages.with(at, { ...answer, ...end, stream: false });
  return { thinking: undefined, pending: Math.max(0, pending - 1), messages: shown };
}

/** Codes that say that a message was not taken: an answer that streams is that of an earlier one. */
const refusals: ReadonlySet<string> = new Set([
  "EMPTY_MESSAGE",
  "MESSAGE_TOO_LARGE",
  "QUEUE_FULL",
  "RATE_LIMITED",
  "QUOTA_EXCEEDED",
]);

function withError(state: Content, { error, code }: ErrorData): Partial<Content> {
  const { messages, pending, toolCalls } = state;
  if (pending > 1 && refusals.has(code)) {
    return { pending: pending - 1, messages: appended(messages, { role: "system", content: "", error }) };
  }
  // Of a call of an answer that has ended nothing will come any more.
  const isOpen = ({ status }: ChatToolCall): boolean => status === "running";
  const ended = toolCalls.map((call) => (isOpen(call) ? { ...call, status: "failed" as const } : call));
  return { ...withEnd(state, { error }), toolCalls: ended };
}

function withCall(calls: readonly ChatToolCall[], call: ChatToolCall): readonly ChatToolCall[] {
  const at = calls.findLastIndex((known) => isSameCall(known, call));
  const known = calls[at];
  const now = { status: "running" as const, ...known, ...call };
  return known === undefined ? [...calls, now] : calls.with(at, now);
}

function isSameCall(known: ChatToolCall, call: ChatToolCall): boolean {
  if (known.call_id !== undefined || call.call_id !== undefined) return known.call_id === call.call_id;
  const isOpen = known.status === "running" && known.tool_name === call.tool_name;
  return isOpen && JSON.stringify(known.arguments) === JSON.stringify(call.arguments);
}
