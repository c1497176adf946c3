import { createToolCatalogue, type Bus } from "@parley/bus";
import type { ApproveFrame, CancelFrame, DecisionFrame, TitleFrame, TurnId, User } from "@parley/protocol";
import type { QueueWish } from "../frames/queue-handler.ts";
import type { Logger } from "@parley/runtime";
import type { TemplatedApp } from "uWebSockets.js";
import type { OriginRules } from "../auth/origin.ts";
import type { Tokens } from "../auth/tokens.ts";
import type { Redis } from "../conversations/conversation-index.ts";
import type { Conversations } from "../conversations/conversations.ts";
import type { OnMessage } from "../frames/message-handler.ts";
import type { Ownership } from "../frames/ownership.ts";
import type { Viewing } from "../frames/viewing.ts";
import type { CatchUp } from "../hub/catch-up.ts";
import type { Counters } from "../metrics.ts";
import type { Connections } from "../socket/connections.ts";
import type { Outbox } from "../socket/outbox.ts";
import { createAsking } from "./asking.ts";
import { createCaller } from "./caller.ts";
import { createChatRoutes } from "./chat-routes.ts";
import { createConversationRoutes } from "./conversation-routes.ts";
import { createHttpViewers } from "./http-viewers.ts";
import type { Reply } from "./reply.ts";
import { addRoutes } from "./routes.ts";
import { createDevTokenRoute, createHealthRoute, withDocument } from "./service-routes.ts";

export interface HttpServiceDeps {
  readonly bus: Bus;
  readonly redis?: Redis;
  readonly tokens: Tokens;
  readonly origins: OriginRules;
  readonly isDevelopment: boolean;
  readonly maxConnections: number;
  readonly maxWaitMs: number;
  readonly pages: ReadonlyMap<string, Reply>;
  readonly version: string;
  readonly problems: () => string[];
  readonly isStopping: () => boolean;
  readonly isBrokerWell: () => boolean;
  readonly connections: Connections;
  readonly outbox: Outbox;
  readonly catchUp: CatchUp;
  readonly conversations: Conversations;
  readonly ownership: Ownership;
  readonly viewing: Viewing;
  readonly onMessage: OnMessage;
  readonly onQueue: (user: User, wish: QueueWish) => Promise<void>;
  readonly onTitle: (user: User, frame: Omit<TitleFrame, "type">) => Promise<string>;
  readonly onCancel: (user: User, frame: Omit<CancelFrame, "type">) => Promise<TurnId>;
  readonly onApprove: (user: User, frame: Omit<ApproveFrame, "type">) => Promise<DecisionFrame>;
  readonly counters: Pick<Counters, "errors">;
  readonly log: Logger;
}

/** Everything that is asked over HTTP. */
export function addHttpService(app: TemplatedApp, deps: HttpServiceDeps): { sweep(nowMs: number): void } {
  const { tokens, isDevelopment, version, ownership, conversations, onCancel, onApprove, bus, redis, log } = deps;
  const catalogue = redis === undefined ? undefined : createToolCatalogue({ redis, log });
  const viewers = createHttpViewers(deps);
  const asking = createAsking({ ...deps, viewers });
  const routes = [
    ...createChatRoutes({ asking, isOwn: ownership.isOwn }),
    ...createConversationRoutes({ ...deps, facts: bus.facts, cancel: onCancel, approve: onApprove }),
    createHealthRoute({ ...deps, isConnected: bus.connected, catalogue }),
    ...(isDevelopment ? [createDevTokenRoute(tokens)] : []),
  ];
  const callerOf = createCaller(tokens, isDevelopment);
  addRoutes(app, { ...deps, callerOf, routes: withDocument(routes, version) });
  return {
    sweep(nowMs) {
      viewers.sweep(nowMs);
      conversations.sweep();
    },
  };
}
