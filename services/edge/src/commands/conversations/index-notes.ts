import { noFiles, type ConversationId, type Files, type TurnRequest } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { ConversationIndex, IndexEntry } from "./conversation-index.ts";

interface Note {
  readonly userId: string;
  readonly conversation_id: ConversationId;
  readonly state: IndexEntry | "removed";
}

/** While Redis is away. Beyond it the oldest are forgotten: their conversations come back to the list with their next message. */
const maxWaiting = 5_000;
const maxInFlight = 64;
const maxTitleLength = 80;

/** What is to be noted yet: what fails is tried again. */
function createWaitingNotes(index: Pick<ConversationIndex, "note" | "remove">, isReady: () => boolean, log: Logger) {
  /** By user and conversation; of one only the newest note counts. */
  const waiting = new Map<string, Note>();
  let inFlight = 0;

  const keep = (note: Note): void => {
    waiting.set(keyOf(note), note);
    const [oldest] = waiting.keys();
    if (waiting.size > maxWaiting && oldest !== undefined) waiting.delete(oldest);
  };

  const write = async (note: Note): Promise<void> => {
    const { userId, conversation_id, state } = note;
    inFlight++;
    try {
      await (state === "removed" ? index.remove(userId, conversation_id) : index.note(userId, state));
    } catch (err) {
      log.debug({ err, conversation: conversation_id }, "a conversation could not be noted yet");
      // What was noted since then is newer.
      if (!waiting.has(keyOf(note))) keep(note);
    } finally {
      inFlight--;
    }
  };

  const drain = async (): Promise<void> => {
    const writes: Promise<void>[] = [];
    for (const [key, note] of waiting) {
      if (inFlight >= maxInFlight || !isReady()) break;
      waiting.delete(key);
      writes.push(write(note));
    }
    await Promise.all(writes);
  };

  return { waiting, keep, drain };
}

/** Tells the index what happens, beside the way of the messages: nothing waits for it. */
export function createIndexNotes(
  index: Pick<ConversationIndex, "note" | "remove">,
  isReady: () => boolean,
  log: Logger,
) {
  const { waiting, keep, drain } = createWaitingNotes(index, isReady, log);
  return {
    /** A message was accepted in these users' conversation. */
    accepted({ conversation_id, message, files, accepted_at }: TurnRequest, users: readonly string[]): void {
      for (const userId of users) {
        const older = waiting.get(keyOf({ userId, conversation_id }))?.state;
        // The title is that of the first message.
        const title = older === undefined || older === "removed" ? titleOf(message, files) : older.title;
        keep({ userId, conversation_id, state: { conversation_id, title, updated_at: accepted_at } });
      }
      void drain();
    },

    /** These users have it in their lists from now on. */
    add(users: readonly string[], state: IndexEntry): void {
      for (const userId of users) keep({ userId, conversation_id: state.conversation_id, state });
      void drain();
    },

    /** Resolves when it is done, or left for later. */
    async remove(userId: string, conversation_id: ConversationId): Promise<void> {
      keep({ userId, conversation_id, state: "removed" });
      await drain();
    },

    /** All of the conversation up to now was deleted, perhaps by another edge. */
    forget(conversation_id: ConversationId): void {
      for (const [key, note] of waiting)
        if (note.conversation_id === conversation_id && note.state !== "removed") waiting.delete(key);
    },

    /** Once a second. */
    sweep: (): void => void drain(),
  };
}

function keyOf({ userId, conversation_id }: Pick<Note, "userId" | "conversation_id">): string {
  return `${conversation_id} ${userId}`;
}

/** The beginning of a message, in one line; of one that has files alone, their names. */
export function titleOf(message: string, files: Files = noFiles): string {
  const text = message.trim() === "" ? files.map(({ name }) => name).join(", ") : message;
  const line = text.trim().replaceAll(/\s+/g, " ");
  // Half of a character at the end would be no text.
  return line.length <= maxTitleLength ? line : `${line.slice(0, maxTitleLength - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
