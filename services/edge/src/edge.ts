import type { Registry } from "@parley/runtime";
import type { Admission } from "./admission/admit.ts";
import type { Limiter } from "./admission/limits.ts";
import { startCanary } from "./canary.ts";
import { createCommandRoom, type CommandRoomOptions } from "./command-room.ts";
import { cancelAllOf } from "./commands/cancel-all.ts";
import { createAnswerTimes } from "./delivery/answer-times.ts";
import { openLimiter, type LimiterOptions } from "./edge-limiter.ts";
import { addEdgeMetrics, createCounters } from "./figures/metrics.ts";
import { addPrivacyFigures } from "./figures/privacy-figures.ts";
import { createHubRoom, followBroker } from "./hub-room.ts";
import type { PrivacyRoom } from "./privacy-room.ts";
import { createReadiness } from "./readiness.ts";
import { startSweeping } from "./sweeping.ts";
import { listenPublicly, type ListenOptions } from "./transport/listener.ts";
import { createTransportRoom, type TransportRoomOptions } from "./transport-room.ts";

export interface EdgeOptions extends LimiterOptions, CommandRoomOptions, TransportRoomOptions {
  readonly listen: ListenOptions;
}

export interface Edge {
  readonly port: number;
  readonly registry: Registry;
  /** What keeps this process from serving, as sentences; empty when it is ready. */
  problems(): string[];
  /** Who somebody is who asks at another port of this process. */
  readonly admission: Admission;
  /** What users and tenants have used of models. */
  readonly usage: Limiter["usage"];
  /** Holds, erasures, and the sweep of old conversations. */
  readonly privacy: Omit<PrivacyRoom, "close">;
  /** Open sockets, and HTTP requests that wait. */
  sockets(): number;
  /** Asks all turns of a user to stop. Returns how many. */
  cancelAllOf(userId: string, order: { readonly by: string; readonly reason: string }): Promise<number>;
  /** Accepts nothing new, and sends everybody away in batches. The process lives on; nothing makes it accept again. */
  drain(): Promise<void>;
  /** Accepts nothing new, sends everybody away in batches, and lets go of everything. */
  stop(): Promise<void>;
}

/** The rooms of an edge, the innermost first. */
function openRooms(options: EdgeOptions) {
  const { bus, log } = options;
  const counters = createCounters();
  const answers = createAnswerTimes(counters.answers);
  const canary = startCanary({ nc: bus.nc, log });
  const readiness = createReadiness(bus, canary.isAlive);
  const hubRoom = createHubRoom(options, { counters, answers });
  const limiter = openLimiter(options, counters);
  const commandRoom = createCommandRoom(options, hubRoom, { counters, limiter });
  const transportRoom = createTransportRoom(options, hubRoom, commandRoom, {
    ...readiness,
    counters,
    answers,
    limiter,
  });
  return { counters, canary, readiness, hubRoom, limiter, commandRoom, transportRoom };
}

/** Wires an edge, and starts to listen. Throws StartError when the port cannot be had. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { bus, registry, maxConnections: maxSockets } = options;
  const { counters, canary, readiness, hubRoom, limiter, commandRoom, transportRoom } = openRooms(options);
  const { app, connections, http, ways, privacy } = transportRoom;
  const { outbox, hubs, catchUp, waiting, signals } = hubRoom;
  const sweeping = startSweeping([limiter, connections, ways, outbox, catchUp, waiting, signals, hubs, http]);
  const stopFollowing = followBroker(bus, hubs);

  const release = (): void => {
    clearInterval(sweeping);
    stopFollowing();
    connections.stop();
    void privacy.close();
    for (const part of [limiter, ways, commandRoom, hubRoom]) part.close();
    canary.stop();
    app.close();
  };
  const listener = await listenPublicly(app, options.listen).catch((error: unknown) => {
    release();
    throw error;
  });
  const sockets = (): number => connections.size;
  const figures = { hubs: hubs.stats, load: limiter.stats, outbox: outbox.stats };
  addEdgeMetrics(registry, counters, { sockets, maxSockets, ...figures });
  addPrivacyFigures(registry, privacy);
  const leave = async (why: string): Promise<void> => {
    readiness.leave(why);
    listener.stop();
    await connections.sayGoodbye();
    await signals.settle();
    await privacy.close();
  };
  return {
    port: listener.port,
    registry,
    problems: readiness.problems,
    admission: ways.admission,
    usage: limiter.usage,
    privacy,
    sockets,
    cancelAllOf: (user, order) => cancelAllOf(bus, user, order),
    drain: () => leave("This process was drained: it takes nothing new."),
    stop: () => leave("This process is shutting down.").then(release),
  };
}
