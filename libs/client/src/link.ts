import { isFinalClose, type ClientFrameInput, type ServerFrame, type User } from "@parley/protocol/fold";
import { backoffMs } from "./backoff.ts";
import { openConnection, type Connection, type ConnectionEnd } from "./connection.ts";
import { createDeferred, type Deferred } from "./deferred.ts";
import type { EnvironmentSignal } from "./environment.ts";
import type { Settings } from "./options.ts";

/**
 * `idle` → `connecting` → `authenticating` → `ready`; a lost connection goes to `waiting` and from there back to `connecting`. `closed` is the
 * end: the caller closed it, or the server said that coming back is of no use.
 */
export type ClientState =
  | { readonly name: "idle" }
  | { readonly name: "connecting" }
  | { readonly name: "authenticating" }
  | { readonly name: "ready"; readonly user: User | undefined }
  | WaitingState
  | ({ readonly name: "closed" } & Loss);

/** Why there is no connection. */
interface Loss {
  /** The WebSocket's close code; 1006 where the client found the connection lost, 1000 where its caller has closed it. */
  readonly code: number;
  readonly reason: string;
  /** What `getToken` has thrown, where that is why. */
  readonly cause?: unknown;
}

export interface WaitingState extends Loss {
  readonly name: "waiting";
  readonly delayMs: number;
  /** When the next try comes, ms since 1970, for a count-down. Undefined: there is no network; it comes when there is one again. */
  readonly retryAtMs: number | undefined;
}

interface LinkDeps extends Settings {
  readonly sentAt: () => number;
  readonly onState: (state: ClientState) => void;
  readonly emit: (name: "online", isOnline: boolean) => void;
  readonly onFrame: (frame: ServerFrame) => void;
}

export interface Link {
  readonly state: () => ClientState;
  readonly isOnline: () => boolean;
  /** Resolves when the link is ready, which may take several connections; rejects when it is closed. */
  readonly connect: () => Promise<void>;
  /** Ends the wait for the next try. On a connection that is ready: makes sure that it still is one. */
  readonly retryNow: () => void;
  /** False, and nothing is sent, unless the link is ready. */
  readonly send: (frame: ClientFrameInput) => boolean;
  readonly close: () => void;
}

/** What it is given, and how far it has come. */
interface Self extends LinkDeps {
  state: ClientState;
  isOnline: boolean;
  connection?: Connection | undefined;
  timer?: ReturnType<typeof setTimeout> | undefined;
  /** Who waits for `ready`. */
  waiter?: Deferred<void> | undefined;
  /** Connections in a row that did not last. */
  failures: number;
  readyAt?: number | undefined;
  /** Of the connection that was lost last. */
  cause?: unknown;
  /** Ends the watch over the surroundings, which lasts from the first connection to the end. */
  unwatch?: (() => void) | undefined;
}

/** One connection after another, for as long as that makes sense. */
export function createLink(deps: LinkDeps): Link {
  const self: Self = { ...deps, state: { name: "idle" }, isOnline: true, failures: 0 };
  return {
    state: () => self.state,
    isOnline: () => self.isOnline,
    connect: () => connect(self),
    retryNow: () => retryNow(self),
    send: (frame) => {
      const isReady = self.state.name === "ready";
      if (isReady) self.connection?.send(frame);
      return isReady;
    },
    close: () => {
      if (self.state.name === "closed") return;
      become(self, { name: "closed", code: 1000, reason: "closed by the caller", cause: self.cause });
      self.connection?.close();
    },
  };
}

/** The only place that changes the state. */
function become(self: Self, state: ClientState): void {
  self.state = state;
  if (state.name === "ready") {
    self.waiter?.resolve();
    // Who asks when it is lost again waits for the next time.
    self.waiter = undefined;
  }
  if (state.name === "closed") {
    self.waiter?.reject(new ClientClosedError(state));
    clearTimeout(self.timer);
    self.unwatch?.();
  }
  self.onState(state);
}

function connect(self: Self): Promise<void> {
  const { state } = self;
  if (state.name === "ready") return Promise.resolve();
  if (state.name === "closed") return Promise.reject(new ClientClosedError(state));
  const { promise } = (self.waiter ??= createDeferred());
  // Who does not wait for the promise learns of the end from the state: that must not be an unhandled rejection.
  promise.catch(() => undefined);
  if (state.name === "idle") {
    noteOnline(self);
    self.unwatch = self.environment?.watch((signal) => notice(self, signal));
    // Also without a network: whether there is one is sometimes known wrongly, and one try shows it.
    open(self);
  }
  return promise;
}

function noteOnline(self: Self, signal?: EnvironmentSignal): void {
  // Who slept may have missed the event.
  const isOnline = signal === "online" || (signal !== "offline" && self.environment?.isOnline() !== false);
  if (self.isOnline === isOnline) return;
  self.isOnline = isOnline;
  self.emit("online", isOnline);
}

function notice(self: Self, signal: EnvironmentSignal): void {
  noteOnline(self, signal);
  if (!self.isOnline && self.state.name === "waiting") waitFor(self, self.state);
  else retryNow(self);
}

function retryNow(self: Self): void {
  if (self.state.name === "waiting") open(self);
  else self.connection?.probe();
}

function open(self: Self): void {
  clearTimeout(self.timer);
  become(self, { name: "connecting" });
  self.readyAt = undefined;
  self.connection = openConnection({
    ...self,
    onOpen: () => become(self, { name: "authenticating" }),
    onReady: (user) => {
      self.readyAt = self.now();
      self.cause = undefined;
      become(self, { name: "ready", user });
    },
    onEnd: (end) => comeBack(self, end),
  });
}

function comeBack(self: Self, { final, reconnectAfterMs, ...loss }: ConnectionEnd): void {
  self.connection = undefined;
  if (self.state.name === "closed") return;
  if (final || isFinalClose(loss.code)) return become(self, { name: "closed", ...loss });
  self.cause = loss.cause;
  if (self.now() - (self.readyAt ?? Infinity) >= self.timings.stableMs) self.failures = 0;
  const backoff = backoffMs(self.failures++, self);
  const delayMs = reconnectAfterMs ?? backoff;
  self.log.debug({ ...loss, delayMs }, "the connection was lost");
  waitFor(self, { ...loss, delayMs });
}

function waitFor(self: Self, wait: Omit<WaitingState, "name" | "retryAtMs">): void {
  clearTimeout(self.timer);
  const { isOnline } = self;
  if (isOnline) self.timer = setTimeout(open, wait.delayMs, self);
  const retryAtMs = isOnline ? self.wallNow() + wait.delayMs : undefined;
  become(self, { ...wait, name: "waiting", retryAtMs });
}

/** The client was closed, by the caller or because the server said that coming back is of no use. */
export class ClientClosedError extends Error {
  constructor({ reason, cause }: Pick<WaitingState, "reason" | "cause">) {
    super(`The client is closed: ${reason.replace(/\.*$/, ".")}`, { cause });
    this.name = "ClientClosedError";
  }
}
