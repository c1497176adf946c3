import { isFinalClose } from "@parley/protocol/fold";
import type { Socket } from "@parley/client";
import { createStore, type StoreApi } from "zustand/vanilla";
import { readFrame, type ChatEvent } from "./chat-events.ts";

/**
 * `idle` → `connecting` → `open`; a connection that is lost goes to `waiting` and from there back to `connecting`. `disconnect` leads to `idle`, and so does a
 * close code that says that coming back is of no use.
 */
export type ChatSocketStatus = "idle" | "connecting" | "open" | "waiting";

export interface ChatSocketState {
  readonly status: ChatSocketStatus;
  /** While it waits: when it tries again, ms since 1970. */
  readonly retryAtMs: number | undefined;
}

export interface ChatMessage {
  readonly message: string;
  readonly conversation_id?: string | undefined;
}

export interface ChatSocketDeps {
  readonly address: () => string;
  readonly openSocket: (address: string) => Socket;
  readonly onEvent: (event: ChatEvent) => void;
  /** 0 to 1, 1 excluded; for the jitter. */
  readonly random?: () => number;
}

export interface ChatSocket extends Pick<StoreApi<ChatSocketState>, "getState" | "getInitialState" | "subscribe"> {
  /** Also while it waits: then it tries at once. */
  readonly connect: () => void;
  /** Sends a message, or keeps it until there is a connection. False: too many are kept, and this one is not. */
  readonly send: (data: ChatMessage) => boolean;
  readonly disconnect: () => void;
}

const backoff = { minMs: 500, maxMs: 20_000 };
/** A connection that lasted so long was a good one: the next loss begins the back-off anew. */
const stableMs = 5_000;
/** As many as wait in a conversation of the server. */
const keptMessages = 8;

const idle: ChatSocketState = { status: "idle", retryAtMs: undefined };

interface Line {
  readonly deps: ChatSocketDeps;
  readonly store: StoreApi<ChatSocketState>;
  /** Messages that have not been sent. */
  readonly kept: ChatMessage[];
  socket: Socket | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
  failures: number;
  openedAtMs: number | undefined;
  /** When the server asked to come back. */
  comeBackMs: number | undefined;
  /** Messages of this connection whose end has not come. */
  unanswered: number;
}

/**
 * The one connection of a page that speaks dialect A. The dialect has no message ids: what was sent on a connection that is lost may have been taken, and is not
 * sent again; instead the page is told that its answer will not come.
 */
export function createChatSocket(deps: ChatSocketDeps): ChatSocket {
  const store = createStore<ChatSocketState>(() => idle);
  const line: Line = {
    deps,
    store,
    kept: [],
    socket: undefined,
    timer: undefined,
    failures: 0,
    openedAtMs: undefined,
    comeBackMs: undefined,
    unanswered: 0,
  };
  return {
    ...store,
    connect: () => {
      if (line.socket === undefined) open(line);
    },
    send: (data) => {
      if (store.getState().status === "open") post(line, data);
      else if (line.kept.length < keptMessages) line.kept.push(data);
      else return false;
      return true;
    },
    disconnect: () => {
      clearTimeout(line.timer);
      const { socket } = line;
      line.kept.length = 0;
      Object.assign(line, { socket: undefined, unanswered: 0, failures: 0 } satisfies Partial<Line>);
      store.setState(idle);
      socket?.close(1000);
    },
  };
}

function open(line: Line): void {
  const { deps, store } = line;
  clearTimeout(line.timer);
  store.setState({ status: "connecting", retryAtMs: undefined });
  line.openedAtMs = line.comeBackMs = undefined;
  const socket = deps.openSocket(deps.address());
  line.socket = socket;
  const ifOurs = (work: () => void): void => {
    if (line.socket === socket) work();
  };
  socket.addEventListener("open", () => ifOurs(() => begin(line)));
  socket.addEventListener("message", ({ data }) => ifOurs(() => receive(line, data)));
  socket.addEventListener("close", ({ code }) => ifOurs(() => lose(line, code)));
  // What went wrong is only in the `close` that follows.
  socket.addEventListener("error", () => undefined);
}

function begin(line: Line): void {
  line.openedAtMs = Date.now();
  line.store.setState({ status: "open", retryAtMs: undefined });
  for (const data of line.kept.splice(0)) post(line, data);
}

function post(line: Line, data: ChatMessage): void {
  line.unanswered++;
  line.socket?.send(JSON.stringify(data));
}

function receive(line: Line, data: unknown): void {
  const frame = readFrame(data);
  if (frame?.type === "going_away") line.comeBackMs = frame.data.reconnect_after_ms;
  if (frame === undefined || frame.type === "going_away") return;
  if (frame.type === "complete" || frame.type === "error") line.unanswered = Math.max(0, line.unanswered - 1);
  line.deps.onEvent(frame);
}

function lose(line: Line, code: number): void {
  const { deps, store, openedAtMs } = line;
  line.socket = undefined;
  const isStable = openedAtMs !== undefined && Date.now() - openedAtMs >= stableMs;
  line.failures = isStable ? 0 : line.failures + 1;
  const delayMs = line.comeBackMs ?? delayAfter(line.failures, deps.random ?? Math.random);
  if (isFinalClose(code)) store.setState(idle);
  else {
    line.timer = setTimeout(() => open(line), delayMs);
    store.setState({ status: "waiting", retryAtMs: Date.now() + delayMs });
  }
  // Whoever is told may connect, send or disconnect: that begins from nothing.
  const lost = line.unanswered;
  line.unanswered = 0;
  for (let told = 0; told < lost; told++) deps.onEvent({ type: "error", data: connectionLost });
}

const connectionLost = {
  error: "The connection was lost. The rest of this answer is not shown.",
  code: "CONNECTION_LOST",
} as const;

/** Full jitter: those that lost the same server do not come back in waves. */
function delayAfter(failures: number, random: () => number): number {
  const ceilingMs = Math.min(backoff.maxMs, backoff.minMs * 2 ** Math.max(1, failures));
  return backoff.minMs + random() * (ceilingMs - backoff.minMs);
}
