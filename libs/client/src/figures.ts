import type { Client } from "./client.ts";
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

interface FiguresOptions {
  readonly onReconnected?: (reconnection: Reconnection) => void;
  /** Milliseconds; only differences count. */
  readonly now?: () => number;
}

/** Counts from now on: to be made before the client connects. */
export function createConnectionFigures(
  client: Pick<Client, "on">,
  { onReconnected, now = () => performance.now() }: FiguresOptions = {},
) {
  const sums = { attempts: 0, connections: 0, losses: 0, readyMs: 0, outageMs: 0 };
  let readyAtMs: number | undefined;
  let loss: Loss | undefined;
  const readyMs = (): number => (readyAtMs === undefined ? 0 : now() - readyAtMs);
  const outageMs = (): number => (loss === undefined ? 0 : now() - loss.atMs);

  const becomeReady = (): void => {
    const { attemptsBefore = 0, code = 0, reason = "" } = loss ?? {};
    const reconnection = { attempts: sums.attempts - attemptsBefore, outageMs: outageMs(), code, reason };
    const isFirst = loss === undefined;
    sums.connections++;
    endOutage();
    readyAtMs = now();
    if (!isFirst) onReconnected?.(reconnection);
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

  client.on("state", (state) => {
    if (state.name === "connecting") sums.attempts++;
    if (state.name === "waiting" || state.name === "closed") becomeLost(state);
    if (state.name === "closed") endOutage();
    if (state.name === "ready") becomeReady();
  });

  return {
    /** As of now. */
    read: (): ConnectionFigures => ({
      ...sums,
      readyMs: sums.readyMs + readyMs(),
      outageMs: sums.outageMs + outageMs(),
    }),
  };
}
