import type { ApprovalDecision, ApprovalRequest, FinishedToolCall, TranscriptMessage } from "@parley/protocol";
import type { MessageChanges } from "@parley/protocol/fold";
import { fieldsOf, ownError } from "./api-error.ts";

/** What the server answers, as far as the page needs it; newer servers say more. Looked at here once, without the weight of the schemas. */

export interface ConversationEntry {
  readonly conversation_id: string;
  /** The title, or the beginning of the first message. */
  readonly title: string;
  /** ms since 1970, by the server's clock. */
  readonly updated_at: number;
  /** Absent: the server does not say. */
  readonly status?: "running" | "waiting";
  /** Messages of others that one has not read, of a conversation with several people; at most 99. */
  readonly unread?: number;
}

export interface ConversationEntries {
  readonly conversations: readonly ConversationEntry[];
  /** For the next page; absent: this is the last. */
  readonly next_cursor?: string;
}

export interface MessagePage {
  readonly title?: string;
  /** Oldest first. */
  readonly messages: readonly TranscriptMessage[];
  /** For the page before it; absent: there is none. */
  readonly before?: string;
  /** What became of these after they were written. */
  readonly changes?: readonly MessageChanges[];
}

export type WholeResult = Pick<FinishedToolCall, "call_id" | "tool_name" | "arguments" | "status" | "duration_ms"> & {
  readonly result: string;
  /** The tool said more than that. */
  readonly truncated?: boolean;
};

export interface AgentOffer {
  readonly name: string;
  readonly description: string;
  readonly examples?: readonly string[];
}

export interface ModelOffer {
  readonly name: string;
  readonly title?: string;
}

export interface Offers {
  readonly agents: readonly AgentOffer[];
  readonly models: readonly ModelOffer[];
  /** What is not real on this server. */
  readonly simulated: { readonly model: boolean; readonly cluster: boolean };
}

export interface OpenApproval extends Omit<ApprovalRequest, "preview"> {
  readonly conversation_id: string;
  readonly turn_id: string;
  readonly call_id: string;
  readonly tool_name: string;
  /** ms since 1970, by the server's clock. */
  readonly asked_at: number;
  /** For whom it would be done. */
  readonly user: { readonly id: string; readonly name?: string };
}

/** One question whole. */
export interface ApprovalQuestion extends Omit<OpenApproval, "user"> {
  readonly preview?: ApprovalRequest["preview"];
  /** Absent: forgotten, half an hour after it was asked. */
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** Absent: nobody has decided yet. */
  readonly decision?: ApprovalDecision & { readonly expired?: true };
}

export interface Me {
  readonly user: { readonly id: string; readonly name?: string; readonly email?: string };
  readonly roles: readonly string[];
  readonly by: "session" | "token";
  /** Decides for others. Absent: an older server, which does not say. */
  readonly approves?: boolean;
  /** Answers in place of agents. Absent: an older server. */
  readonly answers?: boolean;
}

export interface SignInEntry {
  readonly id: string;
  readonly made: number;
  readonly last_seen: number;
  readonly address: string;
  readonly user_agent: string;
  readonly current: boolean;
}

/** A server of tools at which people have accounts of their own. */
export interface ConnectionEntry {
  readonly server: string;
  readonly connected: boolean;
  readonly since?: number;
}

/** The entries of a list that are what they should be; others are of a server that knows more. */
export function listIn<T>(answer: unknown, name: string, isOne: (value: unknown) => value is T): T[] {
  const list = fieldsOf(answer)[name];
  if (!Array.isArray(list)) throw ownError("UNREADABLE");
  return list.filter(isOne);
}

/** The answer itself, if it is one. */
export function oneOf<T>(answer: unknown, isOne: (value: unknown) => value is T): T {
  if (isOne(answer)) return answer;
  throw ownError("UNREADABLE");
}

export function textIn(answer: unknown, name: string): string | undefined {
  const text = fieldsOf(answer)[name];
  return typeof text === "string" ? text : undefined;
}

/** Whether it has such fields. */
export function has(value: unknown, shape: Record<string, "string" | "number" | "boolean" | "object">): boolean {
  const fields = fieldsOf(value);
  return Object.entries(shape).every(([name, type]) => typeof fields[name] === type && fields[name] !== null);
}

export function isEntry(value: unknown): value is ConversationEntry {
  return has(value, { conversation_id: "string", title: "string", updated_at: "number" });
}

export function isStoredMessage(value: unknown): value is TranscriptMessage {
  const shape = { message_id: "string", turn_id: "string", author: "object", message: "string", ts: "number" } as const;
  return has(value, { ...shape, status: "string" });
}

export function isMessageChanges(value: unknown): value is MessageChanges {
  return has(value, { message_id: "string", n: "number" }) && Array.isArray(fieldsOf(value)["reactions"]);
}

export function isWholeResult(value: unknown): value is WholeResult {
  return has(value, { call_id: "string", tool_name: "string", arguments: "object", result: "string" });
}

export function isAgentOffer(value: unknown): value is AgentOffer {
  return has(value, { name: "string", description: "string" });
}

export function isModelOffer(value: unknown): value is ModelOffer {
  return has(value, { name: "string" });
}

export function isOpenApproval(value: unknown): value is OpenApproval {
  const ids = { conversation_id: "string", turn_id: "string", call_id: "string" } as const;
  return has(value, { ...ids, tool_name: "string", expires_at: "number", asked_at: "number", user: "object" });
}

export function isQuestion(value: unknown): value is ApprovalQuestion {
  return has(value, { conversation_id: "string", call_id: "string", tool_name: "string", expires_at: "number" });
}

export function isMe(value: unknown): value is Me {
  const { user, by, roles } = fieldsOf(value);
  return has(user, { id: "string" }) && Array.isArray(roles) && (by === "session" || by === "token");
}

export function isSignIn(value: unknown): value is SignInEntry {
  const times = { made: "number", last_seen: "number" } as const;
  return has(value, { ...times, id: "string", address: "string", user_agent: "string", current: "boolean" });
}

export function isConnection(value: unknown): value is ConnectionEntry {
  const { since } = fieldsOf(value);
  const isSince = since === undefined || typeof since === "number";
  return has(value, { server: "string", connected: "boolean" }) && isSince;
}
