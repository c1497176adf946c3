import { EdgeSignal, parseStored, shardOf, subjects, type ConversationId } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { createListening } from "./listening.ts";
import type { BrokerLink } from "./nats-connection.ts";

export type RoomSignals = ReturnType<typeof createRoomSignals>;

export interface RoomSignalsDeps {
  readonly link: Pick<BrokerLink, "nc" | "onReconnect" | "connected">;
  readonly shards: number;
  readonly log: Logger;
}

/** What edges tell each other of rooms; nothing of it is stored, and nothing that is stored depends on it: what is lost is said again. */
export function createRoomSignals({ link, shards, log }: RoomSignalsDeps) {
  const { listen, say } = createListening(link, log, {
    of: "another edge",
    refused: "edges may not tell each other who is in a room: each knows only its own people",
  });
  const subjectOf = (conversation: ConversationId): string =>
    subjects.signal(shardOf(conversation, shards), conversation);

  return {
    /** Returns whether it was said: not without the broker, for what the client kept would be told as if it were so when the connection is back. */
    say(conversation: ConversationId, signal: EdgeSignal): boolean {
      if (!link.connected()) return false;
      say(subjectOf(conversation), JSON.stringify(signal));
      return true;
    },

    /** Calls back with what each edge says, this one too. What cannot be read is passed over. Returns how to stop. */
    listen: (conversation: ConversationId, onSignal: (signal: EdgeSignal) => void): (() => void) =>
      listen(subjectOf(conversation), (text) => {
        const signal = EdgeSignal.safeParse(parseStored(Buffer.from(text))).data;
        if (signal !== undefined) onSignal(signal);
      }),
  };
}
