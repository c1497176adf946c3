import { createOfferBoard, type Bus } from "@parley/bus";
import type { May } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import uWS from "uWebSockets.js";
import { openGate, type Gate } from "./admission/gate.ts";
import type { Limiter } from "./admission/limits.ts";
import type { Tokens } from "./admission/tokens.ts";
import { createAdmissionRoom, type WaysIn } from "./admission-room.ts";
import type { CommandRoom } from "./command-room.ts";
import { openConnections, type ConnectionOptions } from "./commands/connections/connections.ts";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import type { PushSettings } from "./commands/notices/choices.ts";
import { createOfferReading } from "./commands/offer.ts";
import type { Deadlines } from "./delivery/connection.ts";
import { deliveryLimits, type DeliveryLimits } from "./delivery/delivery-limits.ts";
import { facades as allFacades, socketFacades } from "./facades.ts";
import { countOne } from "./figures/metrics.ts";
import type { Counting, HubRoom } from "./hub-room.ts";
import { openPrivacy, type PrivacyOptions } from "./privacy-room.ts";
import type { Readiness } from "./readiness.ts";
import { createBegunStreams } from "./transport/begun-streams.ts";
import { createConnections, type ConnectionsDeps } from "./transport/connections.ts";
import type { Facade } from "./transport/facade.ts";
import { addHttpService } from "./transport/http-service.ts";
import { capConnections } from "./transport/listener.ts";
import type { Pages } from "./transport/pages.ts";
import { addSocketService } from "./transport/socket-service.ts";

export interface TransportRoomOptions extends WaysIn, Pick<ConnectionOptions, "accounts"> {
  readonly bus: Bus;
  readonly redis?: Redis;
  readonly tokens: Tokens;
  /** Default: one that keeps nobody out. */
  readonly gate?: Gate;
  /** What callers may do. */
  readonly may: May;
  /** How long conversations are kept, and what becomes of who is erased. */
  readonly privacy?: PrivacyOptions;
  /** Offers tokens to whoever asks. */
  readonly isDevelopment: boolean;
  readonly allowedOrigins: readonly string[];
  /** Under which address people reach this deployment, without a path. Default: as each request names it. */
  readonly publicUrl?: string | undefined;
  readonly maxConnections: number;
  readonly pages: Pages;
  /** Undefined: people who are away are told of nothing. */
  readonly noticeDelayMs?: number | undefined;
  /** How browsers are sent notices. Default: not at all. */
  readonly push?: PushSettings;
  /** Protocols of others that it speaks. Default: all. */
  readonly facades?: readonly Facade[];
  readonly version: string;
  /** How long an HTTP request may wait for its answer. */
  readonly maxHttpWaitMs?: number;
  readonly limits?: DeliveryLimits;
  readonly deadlines?: Deadlines;
  readonly log: Logger;
}

const defaultDeadlines: Deadlines = { authMs: 5_000, anonymousMs: 1_800_000, warnMs: 60_000, graceMs: 25_000 };

/** Longer than answers take, shorter than load balancers wait at the most. */
const defaultHttpWaitMs = 600_000;

const noPush: PushSettings = { publicKey: undefined, hosts: [] };

interface TransportNeeds extends Counting, Readiness {
  readonly limiter: Limiter;
}

function createOnClosed({ counters, answers, limiter }: Counting & Pick<TransportNeeds, "limiter">) {
  const onClosed: ConnectionsDeps["onClosed"] = (connection, end) => {
    limiter.sockets.closed(connection);
    for (const one of [connection, ...(connection.acting?.users.values() ?? [])]) answers.left(one);
    counters.connections.closed(connection, end);
  };
  return onClosed;
}

/** The port, the sockets that are open at it, and who gets to open one. */
function createDoor(options: TransportRoomOptions, { outbox }: HubRoom, needs: TransportNeeds) {
  const { gate = openGate, maxConnections, deadlines = defaultDeadlines } = options;
  const { counters, limiter } = needs;
  const onClosed = createOnClosed(needs);
  const connections = createConnections({ deadlines, outbox, counters, note: gate.note, onClosed });
  const ways = createAdmissionRoom(options, outbox, connections.shut);
  const app = uWS.App();
  const onRefused = (): void => countOne(counters.refusedUpgrades, "OVERLOADED");
  const socketGone = capConnections(app, { maxConnections, accepts: limiter.accepts, onRefused });
  return { app, connections, ways, socketGone };
}

/** What only HTTP is asked for. */
function createHttpParts(
  options: TransportRoomOptions,
  { conversations, shown }: CommandRoom,
  { signIn }: Pick<ReturnType<typeof createAdmissionRoom>, "signIn">,
) {
  const { bus, redis, pages, publicUrl, push = noPush, noticeDelayMs } = options;
  const { maxHttpWaitMs: maxWaitMs = defaultHttpWaitMs, facades = allFacades } = options;
  const accounts = openConnections(options);
  const privacy = openPrivacy(options, { conversations, shown, accounts, sessions: signIn?.sessions });
  // Who asks over HTTP is shown messages as they stand now.
  const shownBus = { ...bus, transcripts: { ...bus.transcripts, ...shown } };
  const settings = { maxWaitMs, pages, facades, publicUrl, push, areNoticesOn: noticeDelayMs !== undefined };
  return { bus: shownBus, redis, accounts, privacy, ...settings };
}

/** `transport` and `admission`: the sockets and requests of one port. */
export function createTransportRoom(
  options: TransportRoomOptions,
  hubRoom: HubRoom,
  commandRoom: CommandRoom,
  needs: TransportNeeds,
) {
  const { bus, redis, tokens, gate = openGate, may, isDevelopment, maxConnections, version, log } = options;
  const { limits = deliveryLimits } = options;
  const { outbox, catchUp } = hubRoom;
  const { ownership, viewing, conversations, commands } = commandRoom;
  const { counters, limiter, isBrokerWell, isStopping, problems } = needs;
  const { app, connections, ways, socketGone } = createDoor(options, hubRoom, needs);
  const service = {
    tokens,
    ...ways,
    may,
    origins: { allowed: options.allowedOrigins, allowLoopback: isDevelopment },
    limiter,
    isDevelopment,
    maxConnections,
    isBrokerWell,
    isStopping,
    connections,
    outbox,
    catchUp,
    ownership,
    viewing,
    commands,
    counters,
    log,
  };
  const offer = createOfferReading({ board: redis && createOfferBoard({ redis, log }), may });
  const shared = { ...service, bus, conversations, offer };
  const begun = createBegunStreams({ redis, transcripts: bus.transcripts, log });
  const sockets = { facades: socketFacades, socketGone, limits, eventWindowMs: bus.eventWindowMs, begun };
  addSocketService(app, { ...shared, ...sockets });
  const told = { version, problems, notes: () => [...tokens.notes(), ...gate.notes()] };
  const parts = createHttpParts(options, commandRoom, ways);
  const http = addHttpService(app, { ...shared, ...told, ...parts });
  return { app, connections, http, ways, privacy: parts.privacy };
}
