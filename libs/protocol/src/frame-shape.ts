import type { ServerFrame } from "./server-frames.ts";

/**
 * Whether something has the fields of a server's frame that a client or the fold would break without, each of its kind; the schemas say much more, and are ten
 * times as large as a client. For frames of one's own server; `server-frames.ts` has the same frames as schemas, and a test holds the two together.
 */

type Check = (value: unknown) => boolean;
type Checks = Readonly<Record<string, Check>>;

const text: Check = (value) => typeof value === "string";
const flag: Check = (value) => typeof value === "boolean";
/** JSON can say numbers that no number is: 1e999. */
const amount: Check = (value) => Number.isFinite(value);
/** What is counted, and sent back as it was. */
const count: Check = (value) => Number.isSafeInteger(value);
const place: Check = (value) => count(value) && Number(value) > 0;

const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

const shape = (fields: Checks): Check => {
  const checks = Object.entries(fields);
  return (value) => isObject(value) && checks.every(([name, check]) => check(value[name]));
};

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const object = shape({});
const author = shape({ role: text, id: maybe(text), name: maybe(text) });
const source = { title: text, file: maybe(text), url: maybe(text), score: maybe(amount) };
const sources = list(shape(source));
const person = maybe(shape({ id: text, name: maybe(text) }));

const formField = shape({
  name: text,
  type: text,
  title: maybe(text),
  description: maybe(text),
  options: maybe(list(text)),
});
const asked = {
  summary: text,
  preview: maybe(shape({ kind: text, text })),
  confirm: maybe(text),
  like_ms: maybe(amount),
  form: maybe(list(formField)),
  policy_reason: maybe(text),
  expires_at: amount,
};
const decided = { approved: flag, by: person, reason: maybe(text), like_for_ms: maybe(amount) };

/** Each of them may be missing. */
function partial(fields: Checks): Checks {
  return Object.fromEntries(Object.entries(fields).map(([name, check]) => [name, maybe(check)]));
}

const call = { call_id: text, tool_name: text, arguments: object };
const size = { truncated: maybe(flag), result_bytes: maybe(amount), result_id: maybe(text) };
const argumentSize = { arguments_bytes: maybe(amount), arguments_id: maybe(text) };
const end = { status: text, result: text, duration_ms: amount, ...size, ...argumentSize };
const finishedCall = shape({ ...call, ...end });
const openCall = {
  ...call,
  ...partial(end),
  approval: maybe(shape({ ...partial(asked), ...partial(decided) })),
};

const parts: Checks = {
  text: shape({ text }),
  reasoning: shape({ text, shown: maybe(flag) }),
  tool_call: shape(openCall),
  source: shape(source),
  file: shape({ file_id: text, name: text, media_type: text, bytes: amount }),
  data: shape({ name: text }),
};
/** Also one that only a newer version knows. */
const part: Check = (value) =>
  isObject(value) && typeof value["type"] === "string" && hasFields(value, value["type"], parts);

const usage = shape({ input_tokens: amount, output_tokens: amount });
const metadata = shape({
  agent: maybe(text),
  confidence: maybe(amount),
  model: maybe(text),
  context: maybe(shape({ sources })),
  finish: maybe(text),
});

const stored = shape({
  message_id: text,
  turn_id: text,
  author,
  message: text,
  status: text,
  code: maybe(text),
  retryable: maybe(flag),
  parts: maybe(list(part)),
  tool_calls: maybe(list(finishedCall)),
  usage: maybe(usage),
  metadata: maybe(metadata),
  ts: amount,
});
const waitingTurn = shape({ turn_id: text, id: text, author, text, position: amount });

const ofConversation = { conversation_id: text };
const event = { ...ofConversation, seq: place, turn_id: text, ts: amount };
const chained = { ...event, attempt: count, n: count };
const ended = { ...chained, response: text, message_id: text, tool_calls: list(finishedCall), usage };
const refusal = { error: text, code: text, retryable: flag, retry_after_ms: maybe(amount) };

const answer = { frame: maybe(text), id: maybe(text), conversation_id: maybe(text), call_id: maybe(text) };

const frames: Checks = {
  welcome: shape({ auth_required: flag, heartbeat_ms: amount }),
  auth_success: shape({ user: shape({ id: text, email: maybe(text), name: maybe(text) }) }),
  auth_error: shape({ message: text, code: text }),
  auth_expiring: shape({ expires_in_ms: amount }),
  accepted: shape({ ...ofConversation, id: text, turn_id: text, message_id: text, position: amount }),
  subscribed: shape({ ...ofConversation, mode: text, seq: count }),
  snapshot: shape({
    ...ofConversation,
    seq: count,
    messages: maybe(list(stored)),
    title: maybe(text),
    queue: maybe(list(waitingTurn)),
    turn_id: maybe(text),
    attempt: maybe(count),
    text: maybe(text),
    tool_calls: maybe(list(shape(openCall))),
    parts: maybe(list(part)),
    status: text,
  }),
  queue: shape({ ...ofConversation, turns: list(waitingTurn) }),
  decision: shape({ ...ofConversation, turn_id: text, call_id: text, ...decided }),
  going_away: shape({ reconnect_after_ms: amount }),
  pong: shape({}),
  title: shape({ ...ofConversation, seq: place, title: text }),
  message: shape({ ...event, message_id: text, id: text, author, message: text, changed: maybe(amount) }),
  thinking: shape({ ...chained, message: text }),
  progress: shape({ ...chained, step: text, message: text, sources: maybe(sources) }),
  token: shape({ ...chained, token: text }),
  reasoning: shape({ ...chained, token: text }),
  tool_call_start: shape({ ...chained, ...call }),
  tool_call_progress: shape({ ...event, call_id: text, message: text }),
  tool_call_end: shape({ ...event, ...call, ...end }),
  turn_restarted: shape({ ...chained, text }),
  waiting: shape({ ...chained, for: text, until: amount }),
  approval_required: shape({ ...event, ...call, ...asked }),
  approval_decided: shape({ ...event, call_id: text, ...decided }),
  complete: shape({ ...ended, metadata }),
  cancelled: shape({ ...ended, reason: text }),
  error: shape({ ...refusal, ...answer }),
  /** One that ends a turn. */
  turn_error: shape({ ...ended, ...refusal }),
};
/** Of a kind that the table does not have nothing is asked. */
function hasFields(value: Readonly<Record<string, unknown>>, type: string, checks: Checks): boolean {
  return !Object.hasOwn(checks, type) || checks[type]?.(value) === true;
}

export function isServerFrame(value: unknown): value is ServerFrame {
  if (!isObject(value)) return false;
  const { type } = value;
  if (typeof type !== "string" || !Object.hasOwn(frames, type)) return false;
  return hasFields(value, type === "error" && "turn_id" in value ? "turn_error" : type, frames);
}
