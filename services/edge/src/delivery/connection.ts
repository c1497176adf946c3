import type { Dialect } from "@parley/dialects";
import type { Caller, ChatError, ConversationId, FrameAddress } from "@parley/protocol";
import type { Transport } from "../figures/connection-figures.ts";
import type { Credential } from "../credential.ts";
import type { LeftAt, Outlet } from "./outlet.ts";

/**
 *     opening ── a valid token ──▶ ready ── a new token of the same user ──▶ ready
 *        │                           │
 *        └── no token in time, ──────┴── the token ran out, too slow, going away, … ──▶ closed
 *            a bad one
 */
export type ConnectionState = "opening" | "ready" | "closed";

/** A token bucket: how much may be taken, and when that was so (a `performance.now`). */
export interface Level {
  level: number;
  atMs: number;
}

/** What a socket may still send. */
export interface Flow {
  readonly frames: Level;
  readonly bytes: Level;
}

/** A frame that is not handled: what its sender gets, and what the answer is to. */
export interface RefusedFrame {
  readonly error: ChatError;
  readonly address: FrameAddress;
}

/**
 * The text of a frame, or why it has none; what the socket was opened with, which is handled as a first `auth` frame; or a frame that goes on where it stepped aside: it
 * is given how to end its turn.
 */
export type InboxItem = string | RefusedFrame | Credential | ((endTurn: () => void) => void);

/** The sign-in of a socket that came with a cookie. */
export interface SocketSession {
  /** Its name. */
  readonly id: string;
  /** When its user did something last (a `performance.now`): a ping is none, clients send them by themselves. */
  activeMs: number;
}

/** The users on whose behalf a gateway asks over its connection. */
export interface ActedFor<Viewer> {
  /** By their ids. Each has a connection of its own over the same socket. */
  readonly users: Map<string, Connection<Viewer>>;
  /** Who looks at a conversation; the last one has the view. */
  readonly lookers: Map<ConversationId, Connection<Viewer>[]>;
}

/** One socket. A plain record: tens of thousands of them must stay small. `Viewer`: what it looks at conversations with, which the hub knows. */
export interface Connection<Viewer = unknown> extends Outlet {
  readonly id: string;
  readonly transport: Transport;
  readonly viewers: Map<ConversationId, Viewer>;
  readonly carrier?: Connection<Viewer> | undefined;
  onDismissed: Outlet["onDismissed"];
  /** Undefined: it asks for nobody else. */
  acting: ActedFor<Viewer> | undefined;
  left: Map<ConversationId, LeftAt> | undefined;
  wanted: Map<ConversationId, number> | undefined;
  state: ConnectionState;
  /** Set while it is `ready`. */
  caller: Caller | undefined;
  /** From where it came, as limits count it. */
  readonly address: string;
  /** No limit of the table applies to it. */
  readonly isExempt: boolean;
  /** As what it is counted, for the limits. */
  counted: "no" | "opening" | "user";
  /** Undefined: it has sent nothing yet, or no limit applies to it. */
  flow: Flow | undefined;
  /** It has said that it knows the status `unknown` of a tool call. */
  knowsUnknown: boolean;
  /** It has said that it knows rooms: messages of no turn, and what is told without being stored. */
  knowsPosts: boolean;
  /** It has said that it takes several frames in one message. */
  knowsBatches: boolean;
  /** When it was opened (a `performance.now`). */
  readonly openedMs: number;
  /**
   * When its token runs out (a `performance.now`): worked out once, when the token is checked, so that a clock that jumps afterwards neither cuts
   * a socket nor keeps it.
   */
  expiresMs: number;
  /** `auth_expiring` was sent for this token. */
  isWarned: boolean;
  invalidFrames: number;
  /** Frames that wait for the one that is being handled; undefined: none is. */
  inbox: InboxItem[] | undefined;
  inboxBytes: number;
  /** Messages that stepped aside, by their conversation: when the last of each is done. */
  aside: Map<ConversationId, Promise<void>> | undefined;
  asideCount: number;
  /** What it was opened with, until that is looked at: it is not kept. */
  credential: Credential | undefined;
  /** The sign-in that it lives as long as. */
  session: SocketSession | undefined;
  /** In development, until its first frame: it may turn out to be a client that has no tokens at all, so it has longer before it is closed for having sent none. */
  mayBeAnonymous: boolean;
}

const moves: Record<ConnectionState, readonly ConnectionState[]> = {
  opening: ["ready", "closed"],
  ready: ["ready", "closed"],
  closed: [],
};

/** The only function that changes a connection's state; returns whether it may go there. */
export function move(connection: Connection, state: ConnectionState): boolean {
  if (!moves[connection.state].includes(state)) return false;
  connection.state = state;
  return true;
}

export interface NewConnection {
  readonly id: string;
  readonly dialect: Dialect;
  readonly openedMs: number;
  readonly credential: Credential | undefined;
  /** Default: unknown. */
  readonly address?: string;
  /** Default: limits apply to it. */
  readonly isExempt?: boolean;
  readonly mayBeAnonymous?: boolean;
  readonly transport?: Transport;
}

export function createConnection<Viewer = unknown>({
  id,
  dialect,
  openedMs,
  credential,
  address = "",
  isExempt = false,
  mayBeAnonymous = false,
  transport = "websocket",
}: NewConnection): Connection<Viewer> {
  return {
    id,
    dialect,
    openedMs,
    credential,
    session: undefined,
    mayBeAnonymous,
    transport,
    ws: undefined,
    viewers: new Map(),
    onDismissed: undefined,
    acting: undefined,
    left: undefined,
    wanted: undefined,
    closeCode: undefined,
    hasSubscribed: false,
    asked: undefined,
    laggingSinceMs: 0,
    owedBytes: 0,
    state: "opening",
    caller: undefined,
    address,
    isExempt,
    counted: "no",
    flow: undefined,
    knowsUnknown: false,
    knowsPosts: false,
    knowsBatches: false,
    batch: undefined,
    expiresMs: 0,
    isWarned: false,
    invalidFrames: 0,
    inbox: undefined,
    inboxBytes: 0,
    aside: undefined,
    asideCount: 0,
  };
}

export interface Deadlines {
  /** From opening to a valid token. Traffic does not extend it. */
  readonly authMs: number;
  /** The same for a client that may have no tokens, until its first frame: a person who looks at a page before the first question. */
  readonly anonymousMs: number;
  /** How long before its token runs out a client is told. */
  readonly warnMs: number;
  /** How long after that it is closed, so that a refresh that is on its way still counts. */
  readonly graceMs: number;
}

/** What is due for a connection now, a `performance.now`. */
export function dueOf(
  connection: Connection,
  { authMs, anonymousMs, warnMs, graceMs }: Deadlines,
  nowMs: number,
): "nothing" | "no token in time" | "token runs out" | "token ran out" {
  const { state, openedMs, expiresMs, isWarned, mayBeAnonymous } = connection;
  if (state === "opening") {
    return nowMs - openedMs >= (mayBeAnonymous ? anonymousMs : authMs) ? "no token in time" : "nothing";
  }
  if (state === "closed" || nowMs < expiresMs - warnMs) return "nothing";
  if (nowMs >= expiresMs + graceMs) return "token ran out";
  return isWarned ? "nothing" : "token runs out";
}
