import { createOfferBoard, type Bus } from "@parley/bus";
import type { May, TurnRequest } from "@parley/protocol";
import { noTracing, type Logger, type Registry, type Tracing } from "@parley/runtime";
import { openGate, type Gate } from "./admission/gate.ts";
import type { Limiter } from "./admission/limits.ts";
import { createCommands, type Commands } from "./commands/commands.ts";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import { startFileCare } from "./commands/files/care.ts";
import { defaultFileSettings, type FileSettings } from "./commands/files/files.ts";
import { createIsOperator } from "./commands/handovers.ts";
import { openNotices } from "./commands/notices/notices.ts";
import { createAgentNames } from "./commands/offer.ts";
import type { IsKeptOut } from "./commands/open-call.ts";
import { createOwnership, type Ownership } from "./commands/ownership.ts";
import { createWriterMarks } from "./commands/reading.ts";
import { createViewing, type Viewing } from "./commands/viewing.ts";
import { createConversationRoom } from "./conversation-room.ts";
import type { Counters } from "./figures/metrics.ts";
import { closing, type HubRoom } from "./hub-room.ts";

export interface CommandRoomOptions {
  readonly bus: Bus;
  /** Without it nobody gets a list of conversations, and nobody can sign in. */
  readonly redis?: Redis;
  /** Default: one that keeps nobody out. */
  readonly gate?: Gate;
  /** What callers may do. */
  readonly may: May;
  /** People who are away are told of what addresses them, so long after it was said; needs Redis. Default: nobody is. */
  readonly noticeDelayMs?: number | undefined;
  /** With the beginning of the message. Default: not. */
  readonly noticeText?: boolean;
  /** Default: files of 256 MB, kept for a day where nobody sends them. */
  readonly files?: FileSettings;
  /** Where its metrics are added. */
  readonly registry: Registry;
  /** Default: none. */
  readonly tracing?: Tracing;
  readonly log: Logger;
}

type ConversationRoom = ReturnType<typeof createConversationRoom>;

export interface CommandRoom extends Pick<ConversationRoom, "conversations" | "shown"> {
  readonly ownership: Ownership;
  readonly viewing: Viewing;
  readonly commands: Commands;
  close(): void;
}

/** `commands`: what callers may ask. */
export function createCommandRoom(
  options: CommandRoomOptions,
  hubRoom: HubRoom,
  { counters, limiter }: { readonly counters: Counters; readonly limiter: Limiter },
): CommandRoom {
  const { bus, redis, may, gate = openGate, tracing = noTracing, log } = options;
  const { files: fileSettings = defaultFileSettings } = options;
  const { outbox, hubs, catchUp, resuming, waiting, guests, signals, known, seenChanges } = hubRoom;
  const { messages: limits, conversations: quota, subscriptions, usage } = limiter;
  const isOperator = createIsOperator(bus, may);
  const ownership = createOwnership({ owners: bus.owners, known, may, quota, isOperator });
  const viewing = createViewing({ hubs, catchUp, resuming, waiting, events: bus.events, subscriptions, ...guests });
  const { hasChanges, shown, conversations } = createConversationRoom(options, hubRoom, ownership);
  const notices = openNotices(options, { ownership, signals });
  const moveMark = createWriterMarks({ ownership, signals });
  const onAccepted = (request: TurnRequest): void => {
    conversations.accepted(request);
    moveMark(request);
  };
  const isKeptOut: IsKeptOut = (caller) =>
    gate.isCallerRevoked(caller) || gate.blockedUntil("", caller.user.id) !== undefined;
  const { lists } = conversations;
  const parts = {
    bus,
    known,
    lists,
    ownership,
    may,
    isKeptOut,
    limits,
    viewing,
    outbox,
    onAccepted,
    onSaid: notices?.said,
    counters,
    tracing,
    ...{ guests, signals, onChanged: seenChanges.add, hasChanges },
    agentNames: createAgentNames(redis && createOfferBoard({ redis, log })),
    ...{ usage, subscriptions, uploads: limiter.uploads, fileSettings },
  };
  const commands = createCommands(parts);
  const { files: figures } = counters;
  const care = startFileCare({ files: bus.files, privacy: bus.privacy, settings: fileSettings, figures, log });
  const close = closing(conversations.close, notices?.close, care);
  return { ownership, viewing, conversations, commands, shown, close };
}
