import type { ServerFrame } from "./server-frames.ts";

/**
 * Whether something has the fields of a server's frame that a client or the fold would break without, each of its kind; the schemas say much more, and are ten
 * times as large as a client. For frames of one's own server; `server-frames.ts` has the same frames as schemas, and a test holds the two together.
 */

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const flag: Check = (value) => typeof value === "boolean";
/** JSON can say numbers that no number is: 1e999. */
const amount: Check = Number.isFinite;
/** What is counted, and sent back as it was. */
const count: Check = Number.isSafeInteger;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

/** An object with these fields, which are named with spaces between them; `?`: it may be missing. */
const having = (names: string): Check => {
  const fields = names.split(" ").map((name) => [name.replace("?", ""), name.endsWith("?")] as const);
  return (value) =>
    isObject(value) &&
    fields.every(([name, isOptional]) => {
      const field = value[name];
      return field === undefined ? isOptional : (kinds[name] ?? text)(field);
    });
};

const end = "call_id tool_name arguments status result";

/** A field is of one kind, wherever it stands: of this one, else it is a text. */
const kinds: Readonly<Record<string, Check>> = {
  approval: isObject,
  approved: flag,
  arguments: isObject,
  attempt: count,
  auth_required: flag,
  author: having("role"),
  context: having("sources"),
  expires_at: amount,
  heartbeat_ms: amount,
  input_tokens: amount,
  messages: list(having("message_id turn_id author message status code? parts? tool_calls? metadata?")),
  metadata: having("context?"),
  n: count,
  output_tokens: amount,
  parts: list((part) => isOneOf(parts, part, true)),
  position: amount,
  queue: list(having("turn_id id author text position")),
  reconnect_after_ms: amount,
  retry_after_ms: amount,
  retryable: flag,
  seq: count,
  sources: list(having("title")),
  tool_calls: list(having("call_id tool_name arguments")),
  turns: list(having("turn_id id author text position")),
  usage: having("input_tokens output_tokens"),
  user: having("id"),
};

const parts: Readonly<Record<string, Check>> = {
  text: having("text"),
  reasoning: having("text"),
  tool_call: having("call_id tool_name arguments approval?"),
  source: having("title"),
};

const event = "conversation_id seq turn_id";
const chained = `${event} attempt n`;
const ended = `${chained} response message_id tool_calls usage`;
const refusal = "error code retryable retry_after_ms?";

const frames: Readonly<Record<string, Check>> = {
  welcome: having("auth_required heartbeat_ms"),
  auth_success: having("user"),
  auth_error: having("message code"),
  auth_expiring: isObject,
  accepted: having("conversation_id id turn_id message_id position"),
  subscribed: having("conversation_id seq"),
  snapshot: having("conversation_id seq status messages? title? queue? turn_id? attempt? text? tool_calls? parts?"),
  queue: having("conversation_id turns"),
  decision: having("conversation_id call_id approved"),
  feedback: having("conversation_id message_id"),
  going_away: having("reconnect_after_ms"),
  pong: isObject,
  title: having("conversation_id seq title"),
  message: having(`${event} message_id id author message`),
  thinking: having(chained),
  progress: having(`${chained} step message sources?`),
  token: having(`${chained} token`),
  reasoning: having(`${chained} token`),
  tool_call_start: having(`${chained} call_id tool_name arguments`),
  tool_call_progress: having(`${event} call_id message`),
  tool_call_end: having(`${event} ${end}`),
  turn_restarted: having(`${chained} text`),
  waiting: having(chained),
  approval_required: having(`${event} call_id tool_name arguments summary expires_at`),
  approval_decided: having(`${event} call_id approved`),
  complete: having(`${ended} metadata`),
  cancelled: having(`${ended} reason`),
  error: having(`${refusal} id? conversation_id? call_id?`),
};

/** An error that ends a turn. */
const turnError = having(`${ended} ${refusal}`);

function isOneOf(table: Readonly<Record<string, Check>>, value: unknown, isNewTaken: boolean): boolean {
  if (!isObject(value)) return false;
  const { type } = value;
  if (typeof type !== "string") return false;
  return Object.hasOwn(table, type) ? table[type]?.(value) === true : isNewTaken;
}

export function isServerFrame(value: unknown): value is ServerFrame {
  return isOneOf(frames, value, false) && (!isEndWithError(value) || turnError(value));
}

function isEndWithError(value: unknown): boolean {
  return isObject(value) && value["type"] === "error" && "turn_id" in value;
}
