import type { EventLog } from "@parley/bus";
import { ChatError, subjects, type ConversationId, type FrameError } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Outbox } from "../delivery/outbox.ts";
import type { HubViewer } from "./hub.ts";

export interface DeletionNoticeDeps {
  readonly outbox: Pick<Outbox, "sendFrame">;
  readonly events: EventLog;
  readonly log: Logger;
}

/**
 * What is told who looks at a conversation that was deleted, once its hub has forgotten all. They stay its viewers: what is said from now on begins the conversation anew, and a message that was accepted at that very moment still gets its end.
 */
export function createDeletionNotice({ outbox, events, log }: DeletionNoticeDeps) {
  /** From the leader: a replica may not have heard of the purge. */
  const isSpared = async (conversation: ConversationId, turn: string): Promise<boolean> =>
    (await events.lastFromLeader(subjects.user(events.shardOf(conversation), conversation, turn))) !== undefined;

  /** For who takes an error for the end of a turn: it must be gone, and its end too, whose copy may have been behind. */
  const endWaiting = async ({ outlet, source: { conversation } }: HubViewer): Promise<void> => {
    const waitedFor = (): readonly string[] => outlet.dialect.turnsIn?.(conversation) ?? [];
    const asked = waitedFor();
    const spared = await Promise.all(asked.map((turn) => isSpared(conversation, turn)));
    const isOver = asked.length > 0 && !spared.includes(true);
    // What was asked since has an answer of its own.
    const left = waitedFor();
    if (isOver && left.length > 0 && left.every((turn) => asked.includes(turn))) {
      outbox.sendFrame(outlet, noticeOf(conversation));
    }
  };

  return (viewer: HubViewer): void => {
    const { outlet, source } = viewer;
    const { conversation } = source;
    if (outlet.dialect.turnsIn === undefined) return void outbox.sendFrame(outlet, noticeOf(conversation));
    endWaiting(viewer).catch((err: unknown) =>
      log.warn({ err, conversation }, "it is not known whether a turn was deleted that somebody waits for"),
    );
  };
}

/** As if it answered the deletion, which clients never sent as a frame: it refuses nothing that they asked. */
function noticeOf(conversation_id: ConversationId): FrameError {
  const { code, retryable, message: error } = new ChatError("NOT_FOUND", { message: "This conversation was deleted." });
  return { type: "error", error, code, retryable, frame: "delete", conversation_id };
}
