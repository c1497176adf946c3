import { ChatError, type ConversationId, type StoredTurn } from "@parley/protocol";
import type { MessageChangeLog } from "./message-changes.ts";
import type { Transcripts } from "./transcripts.ts";

export type ShownTranscripts = Pick<Transcripts, "tail" | "path" | "find">;

/** In the words of the notice that who looks at it gets. Its key is erased before anything of a conversation is removed; a removal that failed is made up for by deleting it once more. */
export function erasedError(): ChatError {
  return new ChatError("NOT_FOUND", { message: "This conversation was deleted." });
}

/** Transcripts as their readers see them: messages as they stand now. What decides (whether a message came before, what ended how) is read as it was written. */
export function createShownTranscripts(
  transcripts: ShownTranscripts,
  changes: Pick<MessageChangeLog, "over">,
  hasChanges: (conversation: ConversationId) => Promise<boolean>,
): ShownTranscripts {
  const over = async (conversation: ConversationId, turns: readonly StoredTurn[]): Promise<StoredTurn[]> => {
    const isAny = turns.length > 0 && (await hasChanges(conversation));
    return isAny ? [...(await changes.over(conversation, turns))] : [...turns];
  };
  return {
    async tail(conversation, options) {
      const page = await transcripts.tail(conversation, options);
      if (page.isErased === true) throw erasedError();
      return { ...page, turns: await over(conversation, page.turns) };
    },
    async path(conversation, query) {
      const page = await transcripts.path(conversation, query);
      if (page?.isErased === true) throw erasedError();
      return page && { ...page, turns: await over(conversation, page.turns) };
    },
    async find(conversation, turnId, acceptedMs) {
      const turn = await transcripts.find(conversation, turnId, acceptedMs);
      return turn && (await over(conversation, [turn]))[0];
    },
  };
}
