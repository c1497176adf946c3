import { connect, errors, type ConnectionOptions, type NatsConnection } from "@nats-io/transport-node";
import { StartError, type Logger } from "@parley/runtime";
import { parseNatsAddress } from "./nats-address.ts";

export interface NatsOptions {
  /** One or several server addresses, comma-separated, with user and password if they want them. */
  readonly servers: string;
  /** Shown in the broker's monitoring. */
  readonly name: string;
  readonly log: Logger;
}

export interface BrokerLink {
  readonly nc: NatsConnection;
  connected(): boolean;
  /** Called after the connection came back; what was published or live in between is gone. Returns how to stop listening. */
  onReconnect(listener: () => void): () => void;
  /** Called when the connection is lost: nothing that comes later is known to be whole. */
  onDisconnect(listener: () => void): () => void;
}

/** Between two lines that say that the broker cannot be reached. */
const sayEveryMs = 60_000;

/** Says it of the first try that failed, and once a minute from then on. The addresses it names are without user and password. */
function createOutageReport({ servers }: ReturnType<typeof parseNatsAddress>, log: Logger) {
  let isTried = false;
  let saidMs = -Infinity;
  return {
    /** Another try begins. */
    tried(): void {
      const nowMs = performance.now();
      if (isTried && nowMs - saidMs >= sayEveryMs) {
        saidMs = nowMs;
        log.warn({ servers }, "the broker cannot be reached; it is tried again until it can");
      }
      isTried = true;
    },
    connected(): void {
      isTried = false;
      saidMs = -Infinity;
    },
  };
}

const reconnectPauseMs = 250;
/** Later than any clock: the client then takes every try for due. */
const longAgoMs = -1e15;

/**
 * The pause between two tries. The client measures it by the wall clock, so that it would not try again for an hour when that was set back by an
 * hour: once the pause is over by monotonic time, the try is due whatever the clock says.
 */
function reconnecting(onTry: () => void): Pick<ConnectionOptions, "reconnectDelayHandler" | "reconnectToServer"> {
  let triedMs = -Infinity;
  return {
    reconnectDelayHandler() {
      const pauseMs = reconnectPauseMs * (1 + Math.random());
      return performance.now() - triedMs >= pauseMs ? longAgoMs : pauseMs;
    },
    // Called at each try; it leaves the choice to the client.
    reconnectToServer() {
      triedMs = performance.now();
      onTry();
      return null;
    },
  };
}

/**
 * Connects, and waits for the broker if it is not there yet. Reconnects for ever: a chat backend without its broker has nothing better
 * to do. A dead peer is noticed in 8 to 12 s by ping (the client's default would be 6 minutes).
 */
export async function connectNats({ servers, name, log }: NatsOptions): Promise<BrokerLink> {
  const address = parseNatsAddress(servers);
  const outage = createOutageReport(address, log);
  const nc = await connect({
    ...address,
    name,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    ...reconnecting(outage.tried),
    pingInterval: 4_000,
    maxPingOut: 2,
    noAsyncTraces: true,
  }).catch((cause: unknown) => {
    if (!(cause instanceof errors.AuthorizationError)) throw cause;
    throw new StartError("NATS does not let this process in: check the user and password in NATS_URL.", { cause });
  });
  outage.connected();
  const listeners = new Set<() => void>();
  const lost = new Set<() => void>();
  let up = true;
  const watch = async (): Promise<void> => {
    for await (const status of nc.status()) {
      if (status.type === "disconnect") {
        up = false;
        for (const listener of lost) listener();
      }
      if (status.type === "error") log.error({ err: status.error }, "the broker reported an error");
      if (status.type !== "reconnect") continue;
      up = true;
      outage.connected();
      log.warn("connected to the broker again");
      for (const listener of listeners) listener();
    }
  };
  void watch().catch((err: unknown) => log.error({ err }, "watching the broker connection failed"));
  return {
    nc,
    connected: () => up && !nc.isClosed(),
    onDisconnect(listener) {
      lost.add(listener);
      return () => lost.delete(listener);
    },
    onReconnect(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
