import { createToolCatalogue, type Bus, type ToolCatalogue } from "@parley/bus";
import type { TemplatedApp } from "uWebSockets.js";
import type { Redis } from "../commands/conversations/conversation-index.ts";
import type { Conversations } from "../commands/conversations/conversations.ts";
import type { SignIn } from "../admission/admit.ts";
import type { Oidc } from "../admission/oidc.ts";
import type { Tickets } from "../admission/tickets.ts";
import type { Connections } from "../commands/connections/connections.ts";
import { createDocuments, type Documents } from "../commands/documents/documents.ts";
import { countOne, type DocumentOutcome } from "../figures/metrics.ts";
import { createAuthRoutes, type Revoke } from "./auth-routes.ts";
import { createChatRoutes } from "./chat-routes.ts";
import { createApprovalRoutes } from "./approval-routes.ts";
import { createConversationStreams } from "./conversation-streams.ts";
import { createConnectionRoutes } from "./connection-routes.ts";
import { createConversationRoutes } from "./conversation-routes.ts";
import type { OfferReading } from "../commands/offer.ts";
import { createDocumentRoutes } from "./document-routes.ts";
import { createFileRoutes } from "./file-routes.ts";
import { createMemoryCommands } from "../commands/memory/memory.ts";
import { createNoticeChoices, type PushSettings } from "../commands/notices/choices.ts";
import { createListRoutes } from "./list-routes.ts";
import { createSearchRoutes } from "./search-routes.ts";
import { createSignalRoutes } from "./signal-routes.ts";
import { createMemoryRoutes } from "./memory-routes.ts";
import { createNoticeRoutes } from "./notice-routes.ts";
import { createHttpTurns, type HttpTurns } from "./http-turns.ts";
import { createHoldRequest } from "./held-requests.ts";
import { createHttpViewers } from "./http-viewers.ts";
import { createOriginOf } from "./public-origin.ts";
import { createHandoverRoutes } from "./handover-routes.ts";
import type { Pages } from "./pages.ts";
import { createRoomRoutes } from "./room-routes.ts";
import { addRoutes } from "./routing.ts";
import { createPrivacyRoutes, type PrivacyCommands } from "./privacy-routes.ts";
import { createSignInRoutes } from "./sign-in-routes.ts";
import { createDevTokenRoute, createHealthRoute, withDocument } from "./service-routes.ts";
import type { Facade } from "./facade.ts";
import type { ServiceDeps } from "./socket-service.ts";
import { createTurnStreams } from "./turn-streams.ts";
import { createUsageRoutes } from "./usage-routes.ts";

export interface HttpServiceDeps extends ServiceDeps {
  readonly bus: Bus;
  /** Undefined: there is none here. */
  readonly redis: Redis | undefined;
  readonly conversations: Conversations;
  readonly offer: OfferReading;
  readonly tickets: Tickets;
  /** Signing in at the page; undefined: nobody can here. */
  readonly signIn: (SignIn & { readonly oidc: Oidc; readonly maxMs: number }) | undefined;
  /** Undefined: nothing can be revoked here but sign-ins. */
  readonly revoke: Revoke | undefined;
  /** Accounts of users at servers of tools; undefined: nobody can connect one here. */
  readonly accounts: Connections | undefined;
  /** Being forgotten, and taking along what is one's own. */
  readonly privacy: PrivacyCommands;
  /** How long a request may wait for its answer. */
  readonly maxWaitMs: number;
  readonly pages: Pages;
  readonly push: PushSettings;
  /** Whether anybody is told anything who is away. */
  readonly areNoticesOn: boolean;
  /** Where people reach this deployment; undefined: as each request names it. */
  readonly publicUrl: string | undefined;
  /** Protocols that are not ours. */
  readonly facades: readonly Facade[];
  readonly version: string;
  /** What keeps this process from serving, as sentences. */
  readonly problems: () => string[];
  /** What a person should know although it can serve, as sentences. */
  readonly notes: () => string[];
}

function documentsOf({ bus, may, counters }: HttpServiceDeps): Documents {
  const { documents, documentQuestions } = bus;
  const onDocument = (outcome: DocumentOutcome): void => countOne(counters.documents, outcome);
  return createDocuments({ documents, documentQuestions, may, onDocument });
}

function createOwnRoutes(deps: HttpServiceDeps, turns: HttpTurns, catalogue: ToolCatalogue | undefined) {
  const { bus, tokens, admission, isDevelopment, limiter, version, log, may, problems, notes } = deps;
  const { tickets, signIn, revoke, offer, conversations, ownership, commands } = deps;
  const choices = createNoticeChoices({ records: bus.noticeRecords, push: deps.push, areOn: deps.areNoticesOn, may });
  const { signedOut } = choices;
  return [
    ...createChatRoutes({ turns, isOwn: ownership.isOwn, again: commands.again }),
    ...createConversationRoutes({ conversations, facts: bus.facts, ownership, commands }),
    ...createSignalRoutes({ commands }),
    ...createListRoutes({ conversations, ownership, may, offer }),
    ...createFileRoutes({ files: commands.files }),
    ...createDocumentRoutes({ documents: documentsOf(deps) }),
    ...createSearchRoutes({ conversations, ownership, may }),
    ...createMemoryRoutes(createMemoryCommands({ memories: bus.memories, privacy: bus.privacy, may })),
    ...createNoticeRoutes(choices),
    ...createUsageRoutes({ usage: limiter.usage, may }),
    ...createPrivacyRoutes({ privacy: deps.privacy, may, log }),
    ...createApprovalRoutes(commands),
    ...createHandoverRoutes({ turns, commands }),
    ...createRoomRoutes({ commands }),
    ...createAuthRoutes({ admission, tickets, signIn, revoke, signedOut, may, isDevelopment, log }),
    ...createConnectionRoutes({ connections: deps.accounts, admission, log }),
    ...(signIn === undefined ? [] : createSignInRoutes({ ...signIn, signIn, revoke, signedOut, log })),
    createHealthRoute({ version, isConnected: bus.connected, problems, notes, catalogue }),
    ...(isDevelopment && tokens.sign !== undefined ? [createDevTokenRoute(tokens.sign)] : []),
  ];
}

/** Everything that is asked over HTTP. */
export function addHttpService(app: TemplatedApp, deps: HttpServiceDeps): { sweep(nowMs: number): void } {
  const { bus, redis, tokens, admission, origins, isDevelopment, limiter, version, pages, log } = deps;
  const { may, isStopping, isBrokerWell, connections, maxConnections, maxWaitMs } = deps;
  const { outbox, catchUp, conversations, ownership, viewing, commands, counters, offer } = deps;
  const catalogue = redis === undefined ? undefined : createToolCatalogue({ redis, log });
  const viewers = createHttpViewers({ connections, maxConnections, sockets: limiter.sockets, maxWaitMs });
  const turnDeps = { viewers, commands, viewing, ownership, outbox, catchUp, bus, counters };
  const turns = createHttpTurns(turnDeps);
  const foreign = {
    ...{ streams: createTurnStreams({ ...turnDeps, log }), conversationStreams: createConversationStreams(turnDeps) },
    ...{ hold: createHoldRequest(viewers), commands, conversations, ownership, offer, may, catalogue, bus, redis },
    ...{ issuers: tokens.issuers, origin: createOriginOf(deps.publicUrl), version, isDevelopment, log },
  };
  // The document is of our own: protocols of others have theirs, and errors of another form.
  const table = [
    ...withDocument(createOwnRoutes(deps, turns, catalogue), version),
    ...deps.facades.flatMap((facade) => facade(foreign)),
  ];
  addRoutes(app, {
    pages,
    may,
    routes: table,
    admission,
    origins,
    addresses: limiter.addresses,
    limiter,
    isBrokerWell,
    isStopping,
    counters,
    log,
  });
  return {
    sweep(nowMs) {
      viewers.sweep(nowMs);
      conversations.sweep();
    },
  };
}
