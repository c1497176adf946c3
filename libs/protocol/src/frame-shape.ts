import type { ServerFrame } from "./server-frames.ts";

/**
 * Whether something has the fields of a server's frame that a client, the fold or a page would break without, each of its kind: what is only compared, or passed on,
 * may be anything. The schemas say much more, and are ten times as large as a client. For frames of one's own server; `server-frames.ts` has the same frames as
 * schemas, and a test holds the two together.
 */

type Check = (value: unknown) => boolean;
/** A function, the fields of an object (with spaces between them; `?`: it may be missing), or a list of such. */
type Shape = Check | string | readonly [Check | string];

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
/** JSON can say numbers that no number is: 1e999. */
const isAmount: Check = Number.isFinite;
/** What is counted, and sent back as it was. */
const isCount: Check = Number.isSafeInteger;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const parts: Readonly<Record<string, string>> = {
  text: "text",
  file: "file_id name media_type",
  reasoning: "text",
  tool_call: "call_id tool_name arguments approval?",
  source: "title",
};

const changes = "message_id n reactions";

/** A field is of one kind, wherever it stands: of this one, else it is a text. */
const kinds: Readonly<Record<string, Shape>> = {
  approval: isObject,
  approved: isFlag,
  arguments: isObject,
  attempt: isCount,
  bytes: isCount,
  auth_required: isFlag,
  author: "role",
  changes: [changes],
  context: "sources",
  expires_at: isAmount,
  files: ["file_id name media_type"],
  heartbeat_ms: isAmount,
  messages: ["message_id turn_id author message status parts? tool_calls? metadata?"],
  handover: "n state",
  marks: ["user message_id"],
  member_count: isCount,
  members: ["id role"],
  metadata: "context?",
  n: isCount,
  offset: isCount,
  online: isCount,
  owner: "id",
  parts: [(part) => isOneOf(parts, part, true)],
  people: ["id"],
  periods: ["period"],
  pins: [isText],
  queue: ["turn_id author text files?"],
  reactions: ["reaction"],
  reads: ["user message_id"],
  reconnect_after_ms: isAmount,
  retry_after_ms: isAmount,
  retryable: isFlag,
  room: "n owner members pins member_count",
  seq: isCount,
  sources: ["title"],
  stands: changes,
  tool_calls: ["call_id tool_name arguments"],
  turns: ["turn_id author text files?"],
  usage: isObject,
  users: ["id"],
  user: "id",
};

const event = "conversation_id seq turn_id";
const chained = `${event} attempt n`;
const ended = `${chained} response message_id tool_calls usage`;
const refusal = "error code retryable retry_after_ms?";
const call = "call_id tool_name arguments";

const frames: Readonly<Record<string, string>> = {
  welcome: "auth_required heartbeat_ms",
  auth_success: "user",
  auth_error: "message",
  auth_expiring: "",
  accepted: "conversation_id id turn_id",
  subscribed: "conversation_id seq",
  snapshot:
    "conversation_id seq messages? title? handover? room? changes? reads? queue? turn_id? attempt? text? tool_calls? parts?",
  queue: "conversation_id turns",
  decision: "conversation_id call_id approved",
  feedback: "conversation_id",
  going_away: "reconnect_after_ms",
  pong: "",
  title: "conversation_id seq title",
  handover: "conversation_id seq n state",
  member: "conversation_id seq n member_count people",
  pin: "conversation_id seq n message_id pins",
  post: `${event} n message_id author message files?`,
  message_edited: "conversation_id seq message_id stands",
  message_deleted: "conversation_id seq message_id stands",
  reaction: "conversation_id seq message_id stands",
  typing: "conversation_id users",
  file_progress: "id file_id offset bytes",
  file_stored: "id file_id name media_type bytes",
  presence: "conversation_id users online",
  read: "conversation_id marks",
  usage: "conversation_id turn_id currency periods",
  message: `${event} message_id author message files?`,
  thinking: chained,
  progress: `${chained} step message sources?`,
  token: `${chained} token`,
  reasoning: `${chained} token`,
  tool_call_start: `${chained} ${call}`,
  tool_call_progress: `${event} call_id message`,
  tool_call_end: `${event} ${call} result files?`,
  turn_restarted: `${chained} text`,
  waiting: chained,
  approval_required: `${event} ${call} summary expires_at`,
  approval_decided: `${event} call_id approved`,
  complete: `${ended} metadata`,
  cancelled: `${ended} reason`,
  error: `${refusal} id? conversation_id? call_id?`,
};

const fieldsIn = new Map<string, readonly string[]>();

function hasShape(value: unknown, shape: Shape): boolean {
  if (typeof shape === "function") return shape(value);
  if (typeof shape !== "string") return Array.isArray(value) && value.every((one) => hasShape(one, shape[0]));
  const fields = fieldsIn.get(shape) ?? shape.split(" ").filter((name) => name !== "");
  fieldsIn.set(shape, fields);
  return isObject(value) && fields.every((field) => hasField(value, field));
}

function hasField(value: Readonly<Record<string, unknown>>, field: string): boolean {
  const name = field.replace("?", "");
  return value[name] === undefined ? name !== field : hasShape(value[name], kinds[name] ?? isText);
}

function isOneOf(shapes: Readonly<Record<string, string>>, value: unknown, isNewTaken: boolean): boolean {
  const type = isObject(value) ? value["type"] : undefined;
  if (typeof type !== "string") return false;
  const shape = Object.hasOwn(shapes, type) ? shapes[type] : undefined;
  return shape === undefined ? isNewTaken : hasShape(value, shape);
}

export function isServerFrame(value: unknown): value is ServerFrame {
  // An error that ends a turn.
  const isEnd = isObject(value) && value["type"] === "error" && "turn_id" in value;
  return isEnd ? hasShape(value, `${ended} ${refusal}`) : isOneOf(frames, value, false);
}
