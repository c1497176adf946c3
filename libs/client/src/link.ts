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
  | { readonly name: "closed"; readonly code: number; readonly reason: string };

export interface WaitingState {
  readonly name: "waiting";
  readonly delayMs: number;
  /** When the next try comes, ms since 1970, for a count-down. Undefined: there is no network; it comes when there is one again. */
  readonly retryAtMs: number | undefined;
  readonly code: number;
  readonly reason: string;
}

interface LinkDeps extends Settings {
  readonly unansweredSince: () => number | undefined;
  readonly onState: (state: ClientState) => void;
  readonly onOnline: (isOnline: boolean) => void;
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

interface Progress {
  state: ClientState;
  isOnline: boolean;
  connection?: Connection | undefined;
  reconnectTimer?: ReturnType<typeof setTimeout> | undefined;
  /** Who waits for `ready`. */
  waiter?: Deferred<void> | undefined;
  /** Connections in a row that did not last. */
  failures: number;
  readyAt?: number | undefined;
  /** Ends the watch over the surroundings, which lasts from the first connection to the end. */
  unwatch?: (() => void) | undefined;
}

/** One connection after another, for as long as that makes sense. */
export function createLink(deps: LinkDeps): Link {
  const progress: Progress = {
    state: { name: "idle" },
    isOnline: true,
    failures: 0,
  };
  return {
    state: () => progress.state,
    isOnline: () => progress.isOnline,
    connect: () => connect(progress, deps),
    retryNow: () => retryNow(progress, deps),
    send: (frame) => {
      if (progress.state.name !== "ready" || progress.connection === undefined) return false;
      progress.connection.send(frame);
      return true;
    },
    close: () => {
      if (progress.state.name === "closed") return;
      become(progress, deps, { name: "closed", code: 1000, reason: "closed by the caller" });
      progress.connection?.close();
    },
  };
}

/** The only place that changes the state. */
function become(progress: Progress, deps: LinkDeps, state: ClientState): void {
  progress.state = state;
  if (state.name === "ready") progress.waiter?.resolve();
  if (state.name === "closed") {
    progress.waiter?.reject(new ClientClosedError(state.reason));
    clearTimeout(progress.reconnectTimer);
    progress.unwatch?.();
  }
  if (state.name === "ready" || state.name === "closed") progress.waiter = undefined;
  deps.onState(state);
}

function connect(progress: Progress, deps: LinkDeps): Promise<void> {
  const { state } = progress;
  if (state.name === "ready") return Promise.resolve();
  if (state.name === "closed") return Promise.reject(new ClientClosedError(state.reason));
  const { promise } = (progress.waiter ??= createDeferred());
  // Who does not wait for the promise learns of the end from the state: that must not be an unhandled rejection.
  promise.catch(() => undefined);
  if (state.name === "idle") {
    noteOnline(progress, deps, deps.environment?.isOnline() ?? true);
    progress.unwatch = deps.environment?.watch((signal) => notice(progress, deps, signal));
    // Also without a network: whether there is one is sometimes known wrongly, and one try shows it.
    open(progress, deps);
  }
  return promise;
}

function noteOnline(progress: Progress, deps: LinkDeps, isOnline: boolean): void {
  if (progress.isOnline === isOnline) return;
  progress.isOnline = isOnline;
  deps.onOnline(isOnline);
}

function notice(progress: Progress, deps: LinkDeps, signal: EnvironmentSignal): void {
  // Who slept may have missed the event.
  noteOnline(progress, deps, signal === "online" || (signal !== "offline" && deps.environment?.isOnline() !== false));
  if (progress.isOnline) return retryNow(progress, deps);
  if (progress.state.name === "waiting") return waitFor(progress, deps, { ...progress.state });
  progress.connection?.probe();
}

function retryNow(progress: Progress, deps: LinkDeps): void {
  if (progress.state.name === "ready") return progress.connection?.probe();
  if (progress.state.name === "waiting") open(progress, deps);
}

function open(progress: Progress, deps: LinkDeps): void {
  clearTimeout(progress.reconnectTimer);
  become(progress, deps, { name: "connecting" });
  progress.readyAt = undefined;
  progress.connection = openConnection({
    ...deps,
    onOpen: () => become(progress, deps, { name: "authenticating" }),
    onReady: (user) => {
      progress.readyAt = deps.now();
      become(progress, deps, { name: "ready", user });
    },
    onEnd: (end) => {
      progress.connection = undefined;
      comeBack(progress, deps, end);
    },
  });
}

function comeBack(progress: Progress, deps: LinkDeps, { code, reason, final, reconnectAfterMs }: ConnectionEnd): void {
  if (progress.state.name === "closed") return;
  if (final || isFinalClose(code)) return become(progress, deps, { name: "closed", code, reason });
  const { readyAt } = progress;
  if (readyAt !== undefined && deps.now() - readyAt >= deps.timings.stableMs) progress.failures = 0;
  const delayMs = reconnectAfterMs ?? backoffMs(progress.failures, deps.backoff, deps.random);
  progress.failures += 1;
  deps.log.debug({ code, reason, delayMs }, "connection lost");
  waitFor(progress, deps, { delayMs, code, reason });
}

type Wait = Pick<WaitingState, "delayMs" | "code" | "reason">;

function waitFor(progress: Progress, deps: LinkDeps, { delayMs, code, reason }: Wait): void {
  clearTimeout(progress.reconnectTimer);
  const { isOnline } = progress;
  if (isOnline) progress.reconnectTimer = setTimeout(() => open(progress, deps), delayMs);
  const retryAtMs = isOnline ? deps.wallNow() + delayMs : undefined;
  become(progress, deps, { name: "waiting", delayMs, retryAtMs, code, reason });
}

/** The client was closed, by the caller or because the server said that coming back is of no use. */
export class ClientClosedError extends Error {
  constructor(reason: string) {
    super(`The client is closed: ${reason}.`);
    this.name = "ClientClosedError";
  }
}
