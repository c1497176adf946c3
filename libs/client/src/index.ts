export type { ApproveOptions } from "./approvals.ts";
export type { ConnectionFigures, Reconnection } from "./connection-figures.ts";
export { createClient, type Client, type ClientEvents } from "./client.ts";
export type { Conversation, ConversationEvents, ConversationFrame, SendOptions } from "./conversation.ts";
export { ClientClosedError, type ClientState } from "./link.ts";
export type { ClientLog, ClientOptions, ClientTimings } from "./options.ts";
export type { BackoffLimits } from "./backoff.ts";
export type { Violation, ViolationKind } from "./frame-check.ts";
export type { Socket, SocketConstructor } from "./socket.ts";
