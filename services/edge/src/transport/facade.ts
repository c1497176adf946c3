import type { Bus, ToolCatalogue } from "@parley/bus";
import type { May } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Commands } from "../commands/commands.ts";
import type { Redis } from "../commands/conversations/conversation-index.ts";
import type { Conversations } from "../commands/conversations/conversations.ts";
import type { OfferReading } from "../commands/offer.ts";
import type { Ownership } from "../commands/ownership.ts";
import type { ConversationStreams } from "./conversation-streams.ts";
import type { HoldRequest } from "./held-requests.ts";
import type { OriginOf } from "./public-origin.ts";
import type { Route } from "./route.ts";
import type { TurnStreams } from "./turn-streams.ts";
import type { UpgradeDeps } from "./upgrade.ts";

/** What the addresses of a protocol that is not ours are made with: the same commands as ours, and turns as streams. */
export interface FacadeDeps {
  readonly streams: TurnStreams;
  readonly conversationStreams: ConversationStreams;
  readonly hold: HoldRequest;
  readonly commands: Commands;
  readonly conversations: Conversations;
  readonly ownership: Ownership;
  readonly offer: OfferReading;
  readonly may: May;
  /** What tool workers can run; undefined: nobody knows. */
  readonly catalogue: Pick<ToolCatalogue, "list"> | undefined;
  readonly bus: Bus;
  /** Undefined: there is none here. */
  readonly redis: Redis | undefined;
  /** Who makes tokens for people who sign in elsewhere (`iss`): where a client can have one made. */
  readonly issuers: readonly string[];
  readonly origin: OriginOf;
  readonly version: string;
  readonly isDevelopment: boolean;
  readonly log: Logger;
}

export type Facade = (deps: FacadeDeps) => Route[];

/** What sockets of such a protocol are made with. */
export type SocketFacadeDeps = Pick<
  FacadeDeps,
  "commands" | "conversations" | "ownership" | "offer" | "bus" | "isDevelopment" | "log"
>;

/** An address for sockets. */
export interface SocketEndpoint extends Pick<UpgradeDeps, "otherDialect" | "allowAnonymous"> {
  readonly path: string;
}

export type SocketFacade = (deps: SocketFacadeDeps) => SocketEndpoint;
