import type { BackoffLimits } from "./backoff.ts";
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
  /** The browser's `WebSocket`, or that of the `ws` package where Node.js has none. */
  readonly WebSocket: SocketConstructor;
  readonly log?: ClientLog;
  readonly backoff?: BackoffLimits;
  readonly timings?: Partial<ClientTimings>;
  /** 0 to 1, 1 excluded; for the jitter. */
  readonly random?: () => number;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** What the client's parts get: the options with every default filled in. */
export interface Settings {
  readonly url: string;
  readonly getToken: GetToken | undefined;
  /** Whether asking again may give another token. */
  readonly tokenMayChange: boolean;
  readonly WebSocket: SocketConstructor;
  readonly log: ClientLog;
  readonly backoff: BackoffLimits;
  readonly timings: ClientTimings;
  readonly random: () => number;
  readonly now: () => number;
}

const defaultTimings: ClientTimings = {
  handshakeMs: 10_000,
  pingAfterMs: 20_000,
  deadAfterMs: 30_000,
  answerMs: 30_000,
  stableMs: 5_000,
};

const silent: ClientLog = { debug: () => undefined, warn: () => undefined };

export function settingsOf(options: ClientOptions): Settings {
  const { token, getToken } = options;
  return {
    url: options.url,
    getToken: getToken ?? (token === undefined ? undefined : () => token),
    tokenMayChange: getToken !== undefined,
    WebSocket: options.WebSocket,
    log: options.log ?? silent,
    backoff: options.backoff ?? { minMs: 500, maxMs: 20_000 },
    timings: { ...defaultTimings, ...options.timings },
    random: options.random ?? Math.random,
    // Only differences count, and the time of day may jump.
    now: options.now ?? (() => performance.now()),
  };
}
