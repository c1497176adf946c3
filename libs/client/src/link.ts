import { isFinalClose, type ClientFrameInput, type ServerFrame, type User } from "@parley/protocol";
import { backoffMs } from "./backoff.ts";
import { openConnection, type Connection, type ConnectionEnd } from "./connection.ts";
import { createDeferred, type Deferred } from "./deferred.ts";
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
  | { readonly name: "waiting"; readonly delayMs: number; readonly code: number; readonly reason: string }
  | { readonly name: "closed"; readonly code: number; readonly reason: string };

interface LinkDeps extends Settings {
  readonly unansweredSince: () => number | undefined;
  readonly onState: (state: ClientState) => void;
  readonly onFrame: (frame: ServerFrame) => void;
}

export interface Link {
  readonly state: () => ClientState;
  /** Resolves when the link is ready, which may take several connections; rejects when it is closed. */
  readonly connect: () => Promise<void>;
  /** False, and nothing is sent, unless the link is ready. */
  readonly send: (frame: ClientFrameInput) => boolean;
  readonly close: () => void;
}

interface Progress {
  state: ClientState;
  connection: Connection | undefined;
  reconnectTimer: ReturnType<typeof setTimeout> | undefined;
  /** Who waits for `ready`. */
  waiter: Deferred<void> | undefined;
  /** Connections in a row that did not last. */
  failures: number;
  readyAt: number | undefined;
}

/** One connection after another, for as long as that makes sense. */
export function createLink(deps: LinkDeps): Link {
  const progress: Progress = {
    state: { name: "idle" },
    connection: undefined,
    reconnectTimer: undefined,
    waiter: undefined,
    failures: 0,
    readyAt: undefined,
  };
  return {
    state: () => progress.state,
    connect: () => connect(progress, deps),
    send: (frame) => {
      if (progress.state.name !== "ready" || progress.connection === undefined) return false;
      progress.connection.send(frame);
      return true;
    },
    close: () => {
      if (progress.state.name === "closed") return;
      clearTimeout(progress.reconnectTimer);
      become(progress, deps, { name: "closed", code: 1000, reason: "closed by the caller" });
      progress.connection?.close();
    },
  };
}

/** The only place that changes the state. */
function become(progress: Progress, deps: LinkDeps, state: ClientState): void {
  progress.state = state;
  if (state.name === "ready") progress.waiter?.resolve();
  if (state.name === "closed") progress.waiter?.reject(new ClientClosedError(state.reason));
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
  if (state.name === "idle") open(progress, deps);
  return promise;
}

function open(progress: Progress, deps: LinkDeps): void {
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
  progress.reconnectTimer = setTimeout(() => open(progress, deps), delayMs);
  deps.log.debug({ code, reason, delayMs }, "connection lost, will reconnect");
  become(progress, deps, { name: "waiting", delayMs, code, reason });
}

/** The client was closed, by the caller or because the server said that coming back is of no use. */
export class ClientClosedError extends Error {
  constructor(reason: string) {
    super(`The client is closed: ${reason}.`);
    this.name = "ClientClosedError";
  }
}
