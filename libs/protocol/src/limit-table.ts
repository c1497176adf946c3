import { fileLimitRows } from "./file-limit-rows.ts";
import { afterWait, type CountRow, type RateRow } from "./limit-row.ts";
import { overloadLimitRows } from "./overload-limit-rows.ts";

const second = 1_000;
const minute = 60_000;
const hour = 3_600_000;

const acceptTest = "services/edge/test/limit-accept.int.test.ts";
const socketsTest = "services/edge/test/limit-sockets.int.test.ts";
const ratesTest = "services/edge/test/limit-rates.int.test.ts";
const framesTest = "services/edge/test/limit-frames.int.test.ts";
const turnsTest = "services/edge/test/limit-turns.int.test.ts";
const logTest = "services/edge/test/limit-log.int.test.ts";

const beforeUpgrade = "429 `RATE_LIMITED` with Retry-After before the upgrade";

/**
 * The one table of what callers may cost. Its names are those of `config/limits.yaml` and of the label `limit` of `parley_edge_limit_refusals_total`;
 * `docs/limits.md` is made of it.
 */
export const limitTable = {
  accepted_per_address: {
    kind: "rate",
    rate: 50,
    burst: 500,
    unit: "TCP connections per second, address and process",
    everyMs: second,
    counted: "process",
    code: "RATE_LIMITED",
    reason:
      "As many as its requests may be, each on a connection of its own. One that stays silent takes a place for 10 s: so one host holds at most 1,000 of them.",
    answer:
      "the connection is closed as soon as it is accepted, without a word; peers of `TRUSTED_PROXIES` are not counted",
    test: acceptTest,
  },
  new_connections_per_address: {
    kind: "rate",
    rate: 20,
    burst: 200,
    unit: "connections per second and address",
    everyMs: second,
    counted: "fleet",
    code: "RATE_LIMITED",
    reason:
      "An office of 200 people behind one address comes back at once after a restart; the handshake and the token are the dearest thing that a stranger can ask for.",
    answer: beforeUpgrade,
    test: ratesTest,
  },
  requests_per_address: {
    kind: "rate",
    rate: 50,
    burst: 500,
    unit: "HTTP requests per second and address",
    everyMs: second,
    counted: "fleet",
    code: "RATE_LIMITED",
    reason:
      "A page asks for a few things when it is opened and one with each message; a server of yours behind one address has its own user.",
    answer: "429 `RATE_LIMITED` with Retry-After, before the token is looked at; `/health` is always answered",
    test: ratesTest,
  },
  requests_per_user: {
    kind: "rate",
    rate: 10,
    burst: 100,
    unit: "HTTP requests per second and user",
    everyMs: second,
    counted: "fleet",
    code: "RATE_LIMITED",
    reason:
      "A person with several devices, or a program that looks through its conversations page by page; no one person's program may take an edge. A body counts as one more for each 32 KB: reading it is what costs.",
    answer: "429 `RATE_LIMITED` with Retry-After",
    test: ratesTest,
  },
  sockets_per_address: {
    kind: "count",
    most: 1_000,
    unit: "sockets, and HTTP requests that wait or stream, of one address",
    counted: "fleet",
    code: "RATE_LIMITED",
    reason: "A company behind one address; fewer than a process has, so that one host cannot hold them all.",
    answer: beforeUpgrade,
    test: socketsTest,
  },
  sockets_per_user: {
    kind: "count",
    most: 100,
    unit: "sockets, and HTTP requests that wait or stream, of one user",
    counted: "fleet",
    code: "QUOTA_EXCEEDED",
    reason: "Many tabs on several devices; a program needs one socket for all its conversations.",
    answer: "`auth_error` `QUOTA_EXCEEDED`, close 4504; over HTTP 429 `RATE_LIMITED`",
    test: socketsTest,
  },
  opening_sockets: {
    kind: "count",
    most: 2_000,
    unit: "sockets of one process that have shown no token yet",
    counted: "process",
    code: "OVERLOADED",
    reason:
      "They have 5 s for it and need a fraction of one: at 2,000 either somebody only opens them, or tokens cannot be checked, and those who are in must not be hurt.",
    answer: "503 `OVERLOADED` with Retry-After before the upgrade",
    test: socketsTest,
  },
  opening_sockets_per_address: {
    kind: "count",
    most: 200,
    unit: "sockets of one address and process that have shown no token yet",
    counted: "process",
    code: "RATE_LIMITED",
    reason:
      "As many as may come at once (`new_connections_per_address`); one host cannot take the places of all others.",
    answer: beforeUpgrade,
    test: socketsTest,
  },
  frames_per_socket: {
    kind: "rate",
    rate: 20,
    burst: 200,
    unit: "frames per second and socket",
    everyMs: second,
    counted: "socket",
    code: "RATE_LIMITED",
    reason:
      "After a reconnect a client subscribes to its conversations and sends what was not answered, some hundred frames at once; nobody types 20 a second.",
    answer:
      "`RATE_LIMITED` with `retry_after_ms`, the frame is not handled; who goes on for another `burst` is closed with 4501",
    test: framesTest,
  },
  bytes_per_socket: {
    kind: "rate",
    rate: 128 * 1024,
    burst: 2 * 1024 * 1024,
    unit: "bytes of frames per second and socket",
    everyMs: second,
    counted: "socket",
    code: "RATE_LIMITED",
    reason: "32 of the longest messages at once after a reconnect; four a second after that.",
    answer: "as `frames_per_socket`",
    test: framesTest,
  },
  turns_per_user: {
    kind: "rate",
    rate: 60,
    burst: 60,
    unit: "messages per minute and user",
    everyMs: minute,
    counted: "fleet",
    code: "RATE_LIMITED",
    reason:
      "A person writes a few in a minute; after a reconnect up to 32 are sent again. Each costs a model's answer.",
    answer: afterWait,
    test: turnsTest,
  },
  turns_per_tenant: {
    kind: "rate",
    rate: 3_000,
    burst: 3_000,
    unit: "messages per minute and tenant",
    everyMs: minute,
    counted: "fleet",
    code: "RATE_LIMITED",
    reason: "A thousand people of one tenant who all write at the same time; other tenants' turns need workers too.",
    answer: afterWait,
    test: turnsTest,
  },
  open_turns_per_user: {
    kind: "count",
    most: 40,
    unit: "turns of one user that wait or run",
    counted: "fleet",
    code: "RATE_LIMITED",
    reason: "Four conversations with eight waiting messages each, and some; a hundred would stand before everybody's.",
    answer: afterWait,
    test: turnsTest,
  },
  open_turns_per_tenant: {
    kind: "count",
    most: 2_000,
    unit: "turns of one tenant that wait or run",
    counted: "fleet",
    code: "RATE_LIMITED",
    reason: "More than a large fleet of workers runs at a time: what is beyond it would wait for minutes.",
    answer: afterWait,
    test: turnsTest,
  },
  new_conversations_per_user: {
    kind: "rate",
    rate: 120,
    burst: 120,
    unit: "new conversations per hour and user",
    everyMs: hour,
    counted: "fleet",
    code: "RATE_LIMITED",
    reason: "Each stays in the log for ever; a person begins some dozens in a day.",
    answer: `${afterWait}; nothing of the conversation is stored`,
    test: turnsTest,
  },
  messages_per_conversation: {
    kind: "count",
    most: 10_000,
    unit: "messages of one conversation, until 30 days pass without any",
    counted: "fleet",
    code: "QUOTA_EXCEEDED",
    reason: "Years of daily use; a loop that talks to itself reaches it. The models have long forgotten its beginning.",
    answer: "`QUOTA_EXCEEDED`: begin a new conversation",
    test: turnsTest,
  },
  log_bytes_per_user: {
    kind: "count",
    most: 1_073_741_824,
    unit: "bytes of one user's conversations in the log",
    counted: "fleet",
    code: "QUOTA_EXCEEDED",
    reason:
      "A hundred thousand turns of ordinary length, years of daily use; with the longest messages and answers a program writes as much in a few hours. Transcripts are kept for good.",
    answer: "`QUOTA_EXCEEDED`: delete conversations that are no longer needed",
    test: logTest,
  },
  log_bytes_per_tenant: {
    kind: "count",
    most: 107_374_182_400,
    unit: "bytes of one tenant's conversations in the log",
    counted: "fleet",
    code: "QUOTA_EXCEEDED",
    reason: "A hundred users who each fill theirs; one tenant must not take the disk of all.",
    answer: "as `log_bytes_per_user`",
    test: logTest,
  },
  ...fileLimitRows,
  subscriptions_per_socket: {
    kind: "count",
    most: 1_024,
    unit: "conversations that one socket looks at",
    counted: "socket",
    code: "QUOTA_EXCEEDED",
    reason: "Each is a subscription at the broker and a ring of events here. Holds for exempt addresses too.",
    answer: "`QUOTA_EXCEEDED`: unsubscribe from others first",
    test: socketsTest,
  },
  ...overloadLimitRows,
} as const satisfies Record<string, RateRow | CountRow>;

export type LimitName = keyof typeof limitTable;
type NamesOf<Kind> = { [N in LimitName]: (typeof limitTable)[N]["kind"] extends Kind ? N : never }[LimitName];
export type RateName = NamesOf<"rate">;
export type CountName = NamesOf<"count">;
