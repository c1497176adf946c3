import type { Bus } from "@parley/bus";
import type { ConversationId, May } from "@parley/protocol";
import type { Tracing } from "@parley/runtime";
import type { Outbox } from "../delivery/outbox.ts";
import type { Counters } from "../figures/metrics.ts";
import { createActing, createActingAudit, type ActingDeps } from "./acting.ts";
import { createApproveCheck, createApproveHandler } from "./approve.ts";
import { createBranches } from "./branches.ts";
import { createCancelHandler } from "./cancel.ts";
import { createChangeCommands, type ChangeDeps } from "./changes/changes.ts";
import { createFairFinding } from "./changes/found-message.ts";
import { createFeedbackHandler } from "./feedback.ts";
import { createQuestionNow } from "./changes/text-now.ts";
import { createFileCommands, type FileCommandDeps } from "./files/files.ts";
import type { Guests } from "./guests.ts";
import { createHandoverCommands } from "./handovers.ts";
import { createUsageTelling, type UsageTellingDeps } from "./usage-telling.ts";
import { createKeepFile } from "./kept-file.ts";
import { createMessageFiles } from "./message-files.ts";
import { createMessageHandler, type MessageDeps } from "./message.ts";
import { createOpenApprovals } from "./open-approvals.ts";
import { createPresenceReading, createReadHandler, type ReadingDeps } from "./reading.ts";
import { createRenewal } from "./renewal.ts";
import { createRooms, type RoomDeps } from "./rooms/rooms.ts";
import type { IsKeptOut } from "./open-call.ts";
import type { Ownership } from "./ownership.ts";
import { createQueueHandler } from "./queue.ts";
import { createTitleHandler } from "./title.ts";
import { createTypingHandler, type TypingDeps } from "./typing.ts";
import type { Viewing } from "./viewing.ts";

export interface CommandDeps {
  readonly bus: Pick<
    Bus,
    | "events"
    | "files"
    | "facts"
    | "turns"
    | "transcripts"
    | "titles"
    | "feedback"
    | "waitingTexts"
    | "handovers"
    | "people"
    | "posts"
    | "audit"
    | "changes"
    | "privacy"
  >;
  readonly known: RoomDeps["known"];
  readonly lists: RoomDeps["lists"];
  readonly ownership: Ownership;
  readonly may: May;
  readonly isKeptOut: IsKeptOut;
  readonly limits: MessageDeps["limits"];
  readonly viewing: Viewing;
  readonly outbox: Outbox;
  readonly onAccepted: MessageDeps["onAccepted"];
  readonly onSaid?: MessageDeps["onSaid"];
  readonly agentNames: MessageDeps["agentNames"];
  readonly counters: Pick<
    Counters,
    "accepted" | "approvals" | "feedback" | "handovers" | "rooms" | "messageChanges" | "files"
  >;
  readonly tracing: Tracing;
  readonly guests: Guests;
  readonly onChanged: ChangeDeps["onChanged"];
  /** Whether messages of a conversation were changed after they were written, as far as this process knows. */
  readonly hasChanges: (conversation: ConversationId) => Promise<boolean>;
  readonly usage: UsageTellingDeps["usage"];
  readonly signals: TypingDeps["signals"] & ReadingDeps["signals"];
  readonly subscriptions: ActingDeps["subscriptions"];
  readonly uploads: FileCommandDeps["limits"];
  readonly fileSettings: FileCommandDeps["settings"];
}

export type Commands = ReturnType<typeof createCommands>;

/** What a caller may have done with a conversation, over whatever transport. Each throws ChatError, which is the caller's answer. */
export function createCommands(deps: CommandDeps) {
  const { bus, ownership, may, isKeptOut, limits, viewing, outbox, onAccepted, counters, tracing } = deps;
  const { guests, signals, agentNames, onSaid } = deps;
  const findFor = createFairFinding(bus);
  const questionNow = createQuestionNow(bus, deps.hasChanges);
  const branches = createBranches({ bus, ownership, questionNow });
  const queue = createQueueHandler({ bus, ownership });
  const usageTold = createUsageTelling(deps);
  const handover = createHandoverCommands({ bus, ownership, may, figures: counters.handovers });
  const seen = { viewing, outbox, onAccepted, onSaid, counters, tracing, guests };
  const files = createFileCommands({
    ...{ files: bus.files, privacy: bus.privacy, ownership, may, figures: counters.files },
    ...{ limits: deps.uploads, settings: deps.fileSettings },
  });
  const messageFiles = createMessageFiles({ bus, keepFile: createKeepFile(files) });
  const asking = { bus, files: messageFiles, ownership, may, limits, branches, agentNames, ...seen };
  return {
    message: createMessageHandler({ ...asking, usageTold, onAnswered: handover.answered }),
    again: branches.again,
    renew: createRenewal({ bus, ownership, questionNow }),
    handover,
    rooms: createRooms({ ...deps, findFor, figures: counters.rooms }),
    guests,
    cancel: createCancelHandler({ bus, ownership }),
    approve: createApproveHandler({ bus, ownership, isKeptOut, counters }),
    checkApprove: createApproveCheck({ bus, ownership, isKeptOut }),
    approvals: createOpenApprovals({ bus, ownership, may, isKeptOut }),
    queue,
    changes: createChangeCommands({ bus, findFor, ownership, queue, counters, onChanged: deps.onChanged }),
    files,
    title: createTitleHandler({ titles: bus.titles, ownership }),
    feedback: createFeedbackHandler({ bus, ownership, counters }),
    typing: createTypingHandler({ ownership, signals }),
    read: createReadHandler({ ownership, signals }),
    presence: createPresenceReading({ ownership, signals }),
    acting: createActing({ ownership, viewing, subscriptions: deps.subscriptions, onActing: createActingAudit(bus) }),
  };
}
