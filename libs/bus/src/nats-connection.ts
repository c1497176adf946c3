import { isIP } from "node:net";
import { checkServerIdentity as isOfHost } from "node:tls";
import { connect, errors, type ConnectionOptions, type NatsConnection } from "@nats-io/transport-node";
import { natsServersOf, sleep, StartError, type Logger } from "@parley/runtime";
import { readTls, requireTlsAddress, type TlsFiles } from "./broker-tls.ts";
import { parseNatsAddress, type NatsAddress } from "./nats-address.ts";
import { tlsFailure } from "./tls-failure.ts";
import { natsFailure } from "./tls-probe.ts";

export interface NatsOptions {
  /** One or several server addresses, comma-separated, with user and password if they want them. */
  readonly servers: string;
  /** For `tls://`. */
  readonly tls?: TlsFiles | undefined;
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
function createOutageReport({ address: { servers }, failure }: Broker, log: Logger) {
  let isTried = false;
  let saidMs = -Infinity;
  return {
    /** Another try begins. */
    tried(): void {
      const nowMs = performance.now();
      if (isTried && nowMs - saidMs >= sayEveryMs) {
        saidMs = nowMs;
        void failure().then((reason) =>
          log.warn({ servers, reason }, "the broker cannot be reached; it is tried again until it can"),
        );
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
/** Of one try with TLS: where the server refuses a certificate, the client waits for the end of it, and then reads the files again. */
const secureTryMs = 5_000;
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

/** With what there is to do, where that is known. */
function described(err: Error): { err: Error; reason?: string } {
  if (!(err instanceof errors.PermissionViolationError)) return { err };
  return {
    err,
    reason: "the user in NATS_URL lacks a right: give NATS the roles of this version (deploy/nats/roles.conf)",
  };
}

interface Broker {
  readonly address: NatsAddress;
  /** Why TLS with it fails, when it does. */
  failure(): Promise<string | undefined>;
}

/** Where the broker is, and how to speak to it. Throws a `StartError` when the files for TLS cannot be used. */
function brokerOf({ servers, tls = {} }: NatsOptions): Broker {
  const address = parseNatsAddress(servers);
  const isTlsAsked = address.tls !== undefined;
  if (!isTlsAsked) requireTlsAddress("NATS", tls, "tls");
  readTls("NATS", tls);
  // Without those that are not set: the client would take them for set.
  const files = Object.fromEntries(Object.entries(tls).filter(([, file]) => file !== undefined));
  const secured = { ...files, handshakeFirst: false, ...{ checkServerIdentity: identityCheck(address) } };
  return {
    address: isTlsAsked ? { ...address, tls: secured } : address,
    failure: () => natsFailure(natsServersOf(servers) ?? [], isTlsAsked ? tls : undefined).catch(() => undefined),
  };
}

/**
 * Node's own, but for servers that are named by their IP addresses: the client does not say which of them it is, and Node would take `localhost` for its
 * name. A certificate of any of them is one of ours.
 */
function identityCheck({ servers = [] }: NatsAddress): typeof isOfHost {
  const hosts = [servers].flat().map((server) => new URL(`nats://${server}`).hostname.replace(/^\[(.*)\]$/, "$1"));
  return (name, certificate) => {
    const names = name === "localhost" ? hosts.filter((host) => host === name || isIP(host) !== 0) : [name];
    const failures = names.map((host) => isOfHost(host, certificate));
    return failures.includes(undefined) ? undefined : (failures[0] ?? isOfHost(name, certificate));
  };
}

/** Why another try is in vain until somebody mends it; undefined when the broker is merely not there. */
function lastingFailure(error: unknown, { tls }: NatsAddress): string | undefined {
  if (error instanceof errors.AuthorizationError)
    return "NATS does not let this process in: check the user and password in NATS_URL.";
  return tlsFailure({
    broker: "NATS",
    isTlsAsked: tls !== undefined,
    hasCertificate: tls?.certFile !== undefined,
    error,
  });
}

/** Tries until there is a connection, or a reason why there can be none. */
async function connectFirst({ address, failure }: Broker, options: ConnectionOptions): Promise<NatsConnection> {
  for (;;) {
    // Asked first, where there is TLS: of a certificate that the server refuses the client says after 20 s that nothing came.
    const reason = address.tls === undefined ? undefined : await failure();
    if (reason !== undefined) throw new StartError(reason);
    try {
      return await connect(options);
    } catch (cause) {
      const lasting = lastingFailure(cause, address);
      if (lasting !== undefined) throw new StartError(lasting, { cause });
    }
    await sleep(reconnectPauseMs * (1 + Math.random()));
  }
}

/**
 * Connects, and waits for the broker if it is not there yet. Reconnects for ever: a chat backend without its broker has nothing better
 * to do. A dead peer is noticed in 8 to 12 s by ping (the client's default would be 6 minutes).
 */
export async function connectNats(options: NatsOptions): Promise<BrokerLink> {
  const { name, log } = options;
  const broker = brokerOf(options);
  const outage = createOutageReport(broker, log);
  const nc = await connectFirst(broker, {
    ...broker.address,
    name,
    maxReconnectAttempts: -1,
    ...reconnecting(outage.tried),
    ...(broker.address.tls === undefined ? {} : { timeout: secureTryMs }),
    pingInterval: 4_000,
    maxPingOut: 2,
    noAsyncTraces: true,
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
      if (status.type === "error") log.error(described(status.error), "the broker reported an error");
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
