import type { ClientState } from "./link.ts";

/** What only a client knows of its connections: the server sees no attempt that did not reach it, and no time without a connection. */
export interface ConnectionFigures {
  /** Connections that were tried, those that failed included. */
  readonly attempts: number;
  /** Those that became ready. */
  readonly connections: number;
  /** Those that were ready and were lost; being closed by the caller is no loss. */
  readonly losses: number;
  /** How long it has been ready, all connections together and the present one included. */
  readonly readyMs: number;
  /** How long it was without a connection after a loss, all times together and the present one included. */
  readonly outageMs: number;
}

/** A connection that was lost and is there again. */
export interface Reconnection {
  /** Connections that were tried until one became ready; 1: the first did. */
  readonly attempts: number;
  /** From the loss to being ready again. */
  readonly outageMs: number;
  /** Why the one before was lost; see `ClientState`. */
  readonly code: number;
  readonly reason: string;
}

type Ended = Extract<ClientState, { name: "waiting" | "closed" }>;

interface Loss {
  readonly atMs: number;
  readonly code: number;
  readonly reason: string;
  readonly attemptsBefore: number;
}

const callerCode = 1000;

/** Counts what the states of a link say, each passed in once and in order. */
export function createConnectionFigures(now: () => number) {
  const sums = { attempts: 0, connections: 0, losses: 0, readyMs: 0, outageMs: 0 };
  let readyAtMs: number | undefined;
  let loss: Loss | undefined;
  const readyMs = (): number => (readyAtMs === undefined ? 0 : now() - readyAtMs);
  const outageMs = (): number => (loss === undefined ? 0 : now() - loss.atMs);

  const becomeReady = (): Reconnection | undefined => {
    const ended = loss && {
      attempts: sums.attempts - loss.attemptsBefore,
      outageMs: outageMs(),
      code: loss.code,
      reason: loss.reason,
    };
    sums.connections++;
    endOutage();
    readyAtMs = now();
    return ended;
  };
  /** Of a connection that never was ready nothing is lost. */
  const becomeLost = ({ name, code, reason }: Ended): void => {
    if (readyAtMs === undefined) return;
    const readyEndMs = now();
    sums.readyMs += readyEndMs - readyAtMs;
    readyAtMs = undefined;
    if (name === "waiting" || code !== callerCode) sums.losses++;
    if (name === "waiting") loss = { atMs: readyEndMs, code, reason, attemptsBefore: sums.attempts };
  };
  const endOutage = (): void => {
    sums.outageMs += outageMs();
    loss = undefined;
  };

  return {
    /** Returns the reconnection when a lost connection is there again. */
    note(state: ClientState): Reconnection | undefined {
      if (state.name === "connecting") sums.attempts++;
      if (state.name === "waiting" || state.name === "closed") becomeLost(state);
      if (state.name === "closed") endOutage();
      return state.name === "ready" ? becomeReady() : undefined;
    },

    /** As of now. */
    read: (): ConnectionFigures => ({
      ...sums,
      readyMs: sums.readyMs + readyMs(),
      outageMs: sums.outageMs + outageMs(),
    }),
  };
}
