import type { Bus } from "@parley/bus";
import { createAiSdkSocketDialect, createDialectC, undecidedDialect } from "@parley/dialects";
import type { Caller, May } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { TemplatedApp } from "uWebSockets.js";
import type { Admission } from "../admission/admit.ts";
import { createAuthHandler } from "../admission/auth-handler.ts";
import type { Limiter } from "../admission/limits.ts";
import type { OriginRules } from "../admission/origin.ts";
import type { SessionKeeper } from "../admission/session-keeper.ts";
import type { Tokens } from "../admission/tokens.ts";
import type { Commands } from "../commands/commands.ts";
import type { Conversations } from "../commands/conversations/conversations.ts";
import type { OfferReading } from "../commands/offer.ts";
import type { Ownership } from "../commands/ownership.ts";
import type { Viewing } from "../commands/viewing.ts";
import type { Connection } from "../delivery/connection.ts";
import type { DeliveryLimits } from "../delivery/delivery-limits.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { Counters } from "../figures/metrics.ts";
import type { CatchUp } from "../hub/catch-up.ts";
import type { BegunStreams } from "./begun-streams.ts";
import type { Connections } from "./connections.ts";
import type { SocketEndpoint, SocketFacade } from "./facade.ts";
import { createDialectChooser } from "./dialect-chooser.ts";
import { createFileFrames } from "./file-frames.ts";
import { createFrameHandler } from "./frame-handler.ts";
import { createInbox, type InboxDeps } from "./inbox.ts";
import { createUpgrade } from "./upgrade.ts";
import { createWebSocketBehavior } from "./websocket.ts";

/** What both services of the public port need. */
export interface ServiceDeps {
  readonly tokens: Tokens;
  readonly admission: Admission;
  readonly may: May;
  readonly origins: OriginRules;
  readonly limiter: Limiter;
  readonly isDevelopment: boolean;
  readonly maxConnections: number;
  readonly isStopping: () => boolean;
  readonly isBrokerWell: () => boolean;
  readonly connections: Connections;
  readonly outbox: Outbox;
  readonly catchUp: CatchUp;
  readonly ownership: Ownership;
  readonly viewing: Viewing;
  readonly commands: Commands;
  readonly counters: Counters;
  readonly log: Logger;
}

export interface SocketServiceDeps extends ServiceDeps {
  /** Undefined: nobody can sign in here. */
  readonly keeper: Pick<SessionKeeper, "keep"> | undefined;
  /** Told of each socket that has closed. */
  readonly socketGone: () => void;
  readonly limits: DeliveryLimits;
  /** How long events are kept. */
  readonly eventWindowMs: number;
  readonly conversations: Conversations;
  readonly offer: OfferReading;
  readonly bus: Bus;
  /** Protocols that are not ours. */
  readonly facades: readonly SocketFacade[];
  readonly begun: BegunStreams;
}

/** Everything that is asked over WebSockets. */
export function addSocketService(app: TemplatedApp, deps: SocketServiceDeps): void {
  const { admission, origins, limiter, maxConnections, limits, eventWindowMs, isStopping } = deps;
  const { connections, outbox, catchUp, counters } = deps;
  const socketDeps = {
    connections,
    outbox,
    catchUp,
    limits,
    eventWindowMs,
    counters,
    ...{ limitFrame: limiter.frame, opened: limiter.sockets.opened, socketGone: deps.socketGone },
    ...createReceiving(deps),
  };
  const openConnections = (): number => connections.size;
  for (const { path, otherDialect, allowAnonymous } of endpoints(deps)) {
    const upgrade = createUpgrade({
      admission,
      origins,
      addresses: limiter.addresses,
      limiter,
      maxConnections,
      openConnections,
      isStopping,
      otherDialect,
      allowAnonymous,
      counters,
    });
    app.ws(path, createWebSocketBehavior({ ...socketDeps, upgrade }));
  }
}

/** What becomes of frames, of text and of files. */
function createReceiving(deps: SocketServiceDeps) {
  const { admission, keeper, may, limiter, eventWindowMs, isBrokerWell } = deps;
  const { outbox, ownership, viewing, commands, counters, log } = deps;
  const handle = createFrameHandler({
    chooseDialect: createDialectChooser({ outbox, isOwn: ownership.isOwn, eventWindowMs, counters }),
    admission,
    may,
    limitFrame: limiter.frame,
    onAuth: createAuthHandler({ admission, keeper, outbox, onIdentified: identify(limiter), counters, log }),
    commands,
    ownership,
    viewing,
    outbox,
    isBrokerWell,
    counters,
    log,
  });
  const { receive } = createInbox({ outbox, handle: identifying(handle, limiter) });
  const fileFrames = createFileFrames({ files: commands.files, admission, outbox, isBrokerWell, counters, log });
  return { receive, fileFrames };
}

/** Counts a socket as its user's as soon as one of its frames has said whose it is. */
function identifying(handle: InboxDeps["handle"], { sockets }: Limiter): InboxDeps["handle"] {
  return async (connection, received, aside) => {
    await handle(connection, received, aside);
    sockets.identified(connection);
  };
}

/** Before a connection is its user's. Throws QUOTA_EXCEEDED. */
function identify({ sockets }: Limiter) {
  return (connection: Connection, { user }: Caller): void => {
    sockets.identifying(connection, user.id);
    sockets.changing(connection, user.id);
  };
}

function endpoints(deps: SocketServiceDeps): SocketEndpoint[] {
  const { ownership, commands, isDevelopment, begun } = deps;
  const { isOwn } = ownership;
  return [
    { path: "/ws/chat", otherDialect: () => undecidedDialect, allowAnonymous: isDevelopment },
    {
      path: "/api/v1/async/chatbot",
      otherDialect: () => createDialectC({ isOwn, isUntyped: true }),
      allowAnonymous: false,
    },
    {
      path: "/api/ai/ws",
      otherDialect: (queried) =>
        createAiSdkSocketDialect({
          isOwn,
          begun,
          renew: commands.renew,
          cancelsOnAbort: queried("abort") === "cancel",
        }),
      allowAnonymous: isDevelopment,
    },
    ...deps.facades.map((facade) => facade(deps)),
  ];
}
