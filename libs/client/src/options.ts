import type { ServerFrame } from "@parley/protocol/fold";
import type { BackoffLimits } from "./backoff.ts";
import { foundEnvironment, type Environment } from "./environment.ts";
import type { FrameCheck } from "./frame-check.ts";
import { decodeServerFrame } from "./frame-decoding.ts";
import type { SendStore } from "./send-store.ts";
import type { SocketConstructor } from "./socket.ts";

/** Where the client reports what a person may have to know about. A pino logger fits. */
export interface ClientLog {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface ClientTimings {
  /** From the start of a connection to `auth_success`. Later: it counts as lost. */
  readonly handshakeMs: number;
  /** Silence after which the client sends a ping. A shorter `heartbeat_ms` of the server wins. */
  readonly pingAfterMs: number;
  /** Silence after which the connection counts as lost. */
  readonly deadAfterMs: number;
  /** How long a sent message may stay unanswered before the connection counts as lost. */
  readonly answerMs: number;
  /** How long the server may stay silent when there is reason to think that the connection is lost: the network changed, or the machine slept. */
  readonly probeMs: number;
  /** How long a connection must have been ready for the back-off to start from its beginning again. */
  readonly stableMs: number;
}

export type GetToken = () => string | null | Promise<string | null>;

export interface ClientOptions {
  /** `ws://` or `wss://` address of the native endpoint. */
  readonly url: string;
  /** A token that does not change: when the server refuses it, the client closes for good. */
  readonly token?: string;
  /**
   * Asked for a token on every connection and whenever the server says that the present one ends soon. Null: the cookie that the browser sends by itself is
   * enough, as on pages of the server whose user has signed in there.
   */
  readonly getToken?: GetToken;
  /** Default: the browser's, or that of Node.js from 22 on. Node.js 20 has none: pass that of the package `ws`. */
  readonly WebSocket?: SocketConstructor;
  /** Keeps what was sent and has no answer yet over a reload of the page. */
  readonly store?: SendStore;
  readonly sendQueue?: Partial<SendQueueLimits>;
  /** Default: what the browser says of the network and the page; in Node.js nothing. */
  readonly environment?: Environment;
  /**
   * Reads what came: a frame, or several; undefined: it is none that the client knows. Default: a frame is believed that has the fields which the client needs. Tests of a server want
   * the schemas: `@parley/client/strict` has them, and the `check`.
   */
  readonly decode?: (data: unknown) => ServerFrame | readonly ServerFrame[] | undefined;
  /** What the server has to say at the same moment comes in one message: for who looks at many conversations over one connection. Default: each frame by itself. */
  readonly batch?: boolean;
  /** Looks for broken promises of the server in the frames of a conversation: for the event `violation`, which nothing else brings. Default: nobody looks. */
  readonly check?: FrameCheck;
  readonly log?: ClientLog;
  readonly backoff?: BackoffLimits;
  readonly timings?: Partial<ClientTimings>;
  /** 0 to 1, 1 excluded; for the jitter. */
  readonly random?: () => number;
  /** Milliseconds; only differences count. */
  readonly now?: () => number;
  /** Milliseconds since 1970. */
  readonly wallNow?: () => number;
}

/** What may wait for its answer, all conversations together. More is refused with QUEUE_FULL. */
export interface SendQueueLimits {
  readonly messages: number;
  /** Of their texts, as UTF-8. */
  readonly bytes: number;
}

/** What the client's parts get: the options with every default filled in. */
export interface Settings {
  readonly url: string;
  readonly getToken: GetToken | undefined;
  /** Whether asking again may give another token. */
  readonly mayChange: boolean;
  readonly WebSocket: SocketConstructor;
  readonly store?: SendStore;
  readonly sendQueue: SendQueueLimits;
  readonly environment: Environment | undefined;
  readonly decode: NonNullable<ClientOptions["decode"]>;
  readonly batch: boolean;
  readonly check: FrameCheck;
  readonly log: ClientLog;
  readonly backoff: BackoffLimits;
  readonly timings: ClientTimings;
  readonly random: () => number;
  readonly now: () => number;
  readonly wallNow: () => number;
}

const defaultTimings: ClientTimings = {
  handshakeMs: 10_000,
  pingAfterMs: 20_000,
  deadAfterMs: 30_000,
  answerMs: 30_000,
  probeMs: 4_000,
  stableMs: 5_000,
};

const defaultSendQueue: SendQueueLimits = { messages: 64, bytes: 1024 * 1024 };

const nothing = (): void => undefined;
const silent: ClientLog = { debug: nothing, warn: nothing };

export function settingsOf(options: ClientOptions): Settings {
  const { token, getToken, sendQueue, timings } = options;
  return {
    decode: decodeServerFrame,
    check: (folding) => folding,
    batch: false,
    log: silent,
    backoff: { minMs: 500, maxMs: 20_000 },
    random: Math.random,
    // Only differences count, and the time of day may jump.
    now: () => performance.now(),
    wallNow: Date.now,
    ...options,
    getToken: getToken ?? (token === undefined ? undefined : () => token),
    mayChange: getToken !== undefined,
    WebSocket: options.WebSocket ?? foundWebSocket(globalThis),
    environment: options.environment ?? foundEnvironment(),
    sendQueue: { ...defaultSendQueue, ...sendQueue },
    timings: { ...defaultTimings, ...timings },
  };
}

function foundWebSocket(globals: object): SocketConstructor {
  const found: unknown = Reflect.get(globals, "WebSocket");
  if (isSocketConstructor(found)) return found;
  throw new Error("There is no WebSocket here: pass the option WebSocket, such as that of the package ws.");
}

function isSocketConstructor(found: unknown): found is SocketConstructor {
  return typeof found === "function";
}
