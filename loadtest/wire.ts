/**
 * The part of the native dialect that a load client speaks. k6 resolves no npm packages and the schemas of
 * `libs/protocol` need one, so it is written out here; test/load/wire.test.ts holds it against those schemas.
 */

export const chatPath = "/ws/chat";
/** k6 ignores the constructor's list of protocols, so the header itself is set. */
export const handshakeHeaders = { "Sec-WebSocket-Protocol": "parley.v1" };

/** What a server frame says, as far as a load client looks: of other frames and fields nothing is kept. */
export interface Frame {
  readonly type: string;
  /** 0: the frame is none of the conversation's events. */
  readonly seq: number;
  readonly conversation: string;
  readonly turn: string;
  /** The token, the whole answer, or what replaces the answer so far. */
  readonly text: string;
  readonly code: string;
  readonly status: string;
  readonly call: string;
  /** The client's own id of a message. */
  readonly id: string;
  /** The message that an event is about. */
  readonly message: string;
  /** When it was written, on the worker's clock, ms since 1970. 0: unknown. */
  readonly writtenMs: number;
  /** How long a tool ran. */
  readonly durationMs: number;
  /** Of a snapshot: the answers in it. */
  readonly answers: readonly Answer[];
}

export interface Answer {
  readonly turn: string;
  readonly status: string;
  readonly text: string;
}

export interface Question {
  readonly id: string;
  readonly conversation: string;
  readonly text: string;
}

/** `knows`: what the client knows of what older ones do not. */
export function authFrame(token: string, knows: readonly string[] = []): string {
  return JSON.stringify({ type: "auth", token, ...(knows.length > 0 ? { knows } : {}) });
}

export function messageFrame({ id, conversation, text }: Question): string {
  return JSON.stringify({ type: "message", id, conversation_id: conversation, message: text });
}

export function subscribeFrame(conversation: string, after: number): string {
  return JSON.stringify({ type: "subscribe", conversation_id: conversation, ...(after > 0 ? { after } : {}) });
}

export function unsubscribeFrame(conversation: string): string {
  return JSON.stringify({ type: "unsubscribe", conversation_id: conversation });
}

export function typingFrame(conversation: string): string {
  return JSON.stringify({ type: "typing", conversation_id: conversation, on: true });
}

/** That everything up to this message has been read. */
export function readMarkFrame(conversation: string, message: string): string {
  return JSON.stringify({ type: "read", conversation_id: conversation, message_id: message });
}

export function reactFrame(id: string, conversation: string, message: string): string {
  return JSON.stringify({
    type: "react",
    id,
    conversation_id: conversation,
    message_id: message,
    reaction: "👍",
    on: true,
  });
}

export function pingFrame(): string {
  return JSON.stringify({ type: "ping" });
}

/** Reads one frame of the server. Throws SyntaxError for what is not JSON. */
export function readFrame(text: string): Frame {
  const raw: unknown = JSON.parse(text);
  const fields = isRecord(raw) ? raw : {};
  const type = textAt(fields, "type");
  return {
    type,
    seq: type === "subscribed" ? 0 : numberAt(fields, "seq"),
    conversation: textAt(fields, "conversation_id"),
    turn: textAt(fields, "turn_id"),
    text: textAt(fields, type === "token" ? "token" : endsTurn(type) ? "response" : "text"),
    code: textAt(fields, "code"),
    status: textAt(fields, "status"),
    call: textAt(fields, "call_id"),
    id: textAt(fields, "id"),
    message: textAt(fields, "message_id"),
    writtenMs: numberAt(fields, "ts"),
    durationMs: numberAt(fields, "duration_ms"),
    answers: type === "snapshot" ? answersIn(fields["messages"]) : [],
  };
}

export function endsTurn(type: string): boolean {
  return type === "complete" || type === "cancelled" || type === "error";
}

function answersIn(messages: unknown): Answer[] {
  if (!Array.isArray(messages)) return [];
  return messages.filter(isRecord).flatMap((message) => {
    const author: unknown = message["author"];
    if (!isRecord(author) || author["role"] !== "assistant") return [];
    return [{ turn: textAt(message, "turn_id"), status: textAt(message, "status"), text: textAt(message, "message") }];
  });
}

type Fields = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textAt(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : "";
}

function numberAt(fields: Fields, name: string): number {
  const value = fields[name];
  return typeof value === "number" ? value : 0;
}
