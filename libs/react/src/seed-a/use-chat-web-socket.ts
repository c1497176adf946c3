import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { ChatEvent } from "./chat-events.ts";
import { createChatSocket, type ChatMessage, type ChatSocketState } from "./chat-socket.ts";

type DataOf<Type extends ChatEvent["type"]> = Extract<ChatEvent, { readonly type: Type }>["data"];
type ToolData = Extract<ChatEvent, { readonly type: "tool_call_start" | "tool_call_end" }>["data"];

export interface ChatWebSocketOptions {
  /** Default: `/ws/chat` of the page's own host, `wss:` where the page came by `https:`. A path is of that host too. */
  readonly url?: string;
  /** Goes into the address of each connection, as `?token=…`. */
  readonly token?: string | (() => string | undefined);
  /** Every event, before the one that is named after its type. */
  readonly onMessage?: (event: ChatEvent) => void;
  readonly onThinking?: (data: DataOf<"thinking">) => void;
  readonly onText?: (data: DataOf<"text">) => void;
  readonly onToolCallStart?: (data: ToolData) => void;
  readonly onToolCallEnd?: (data: ToolData) => void;
  readonly onComplete?: (data: DataOf<"complete">) => void;
  /** Also with the code `CONNECTION_LOST`, for each answer that was not complete when its connection was lost. */
  readonly onError?: (data: DataOf<"error">) => void;
}

export interface ChatWebSocket extends ChatSocketState {
  readonly isConnected: boolean;
  /** Connects, and goes on reconnecting until `disconnect`. While it waits to reconnect: tries at once. */
  readonly connect: () => void;
  /** Sends `{message, conversation_id?}`, or keeps it until there is a connection. False: too many are kept, and this one is not. */
  readonly send: (data: ChatMessage) => boolean;
  readonly disconnect: () => void;
}

/**
 * The hook of seed A: a WebSocket that speaks dialect A. Nothing is connected before `connect`; a component that is gone is disconnected. The three functions
 * stay the same objects.
 */
export function useChatWebSocket(options: ChatWebSocketOptions = {}): ChatWebSocket {
  const [{ socket, use }] = useState(createPageSocket);
  useEffect(() => use(options));
  useEffect(() => socket.disconnect, [socket]);
  useEffect(() => onReturn(() => socket.getState().status === "waiting" && socket.connect()), [socket]);
  const state = useSyncExternalStore(socket.subscribe, socket.getState, socket.getInitialState);
  const { connect, send, disconnect } = socket;
  return useMemo(
    () => ({ ...state, isConnected: state.status === "open", connect, send, disconnect }),
    [state, connect, send, disconnect],
  );
}

/** A socket, and what is said to it of the options that were rendered last. */
function createPageSocket() {
  let options: ChatWebSocketOptions = {};
  const socket = createChatSocket({
    address: () => addressOf(options, globalThis.location),
    openSocket: (address) => new WebSocket(address),
    onEvent: (event) => {
      options.onMessage?.(event);
      tellProgress(options, event);
      tellEnd(options, event);
    },
  });
  return {
    socket,
    use: (latest: ChatWebSocketOptions): void => {
      options = latest;
    },
  };
}

function addressOf({ url = "/ws/chat", token }: ChatWebSocketOptions, page: Location): string {
  const address = new URL(url, page.href);
  if (address.protocol === "https:") address.protocol = "wss:";
  if (address.protocol === "http:") address.protocol = "ws:";
  const known = typeof token === "function" ? token() : token;
  if (known !== undefined) address.searchParams.set("token", known);
  return address.href;
}

/** The page is seen again, or the device has a network again. */
function onReturn(listener: () => unknown): () => void {
  const ifSeen = (): void => {
    if (!document.hidden) listener();
  };
  globalThis.addEventListener("online", ifSeen);
  document.addEventListener("visibilitychange", ifSeen);
  return () => {
    globalThis.removeEventListener("online", ifSeen);
    document.removeEventListener("visibilitychange", ifSeen);
  };
}

function tellProgress(options: ChatWebSocketOptions, event: ChatEvent): void {
  if (event.type === "thinking") options.onThinking?.(event.data);
  if (event.type === "text") options.onText?.(event.data);
  if (event.type === "tool_call_start") options.onToolCallStart?.(event.data);
  if (event.type === "tool_call_end") options.onToolCallEnd?.(event.data);
}

function tellEnd(options: ChatWebSocketOptions, event: ChatEvent): void {
  if (event.type === "complete") options.onComplete?.(event.data);
  if (event.type === "error") options.onError?.(event.data);
}
