import {
  EdgeSignal,
  PeopleRecord,
  parseStored,
  shardOf,
  streams,
  subjects,
  type ConversationId,
  type People,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { createListening } from "./listening.ts";
import type { BrokerLink } from "./nats-connection.ts";
import type { PatientLookups } from "./patient-lookups.ts";

export type RoomSignals = ReturnType<typeof createRoomSignals>;

export interface RoomSignalsDeps {
  readonly link: Pick<BrokerLink, "nc" | "onReconnect" | "connected">;
  readonly jsm: PatientLookups;
  readonly shards: number;
  readonly log: Logger;
}

/** What edges tell each other of rooms; nothing of it is stored, and nothing that is stored depends on it: what is lost is said again. */
export function createRoomSignals({ link, jsm, shards, log }: RoomSignalsDeps) {
  const { listen, say } = createListening(link, log, {
    of: "another edge",
    refused: "edges may not tell each other who is in a room: each knows only its own people",
  });
  const subjectOf = (conversation: ConversationId): string =>
    subjects.signal(shardOf(conversation, shards), conversation);

  return {
    /** Until edges remember the people of conversations: one look-up each. */
    async peopleOf(conversation: ConversationId): Promise<People | undefined> {
      const shard = shardOf(conversation, shards);
      const found = await jsm.lookUp(streams.log(shard), { last_by_subj: subjects.people(shard, conversation) });
      return found === null ? undefined : PeopleRecord.safeParse(parseStored(found.data)).data?.people;
    },

    /** Without the broker it is not said: what the client kept would be told as if it were so when the connection is back. */
    say(conversation: ConversationId, signal: EdgeSignal): void {
      if (link.connected()) say(subjectOf(conversation), JSON.stringify(signal));
    },

    /** Calls back with what each edge says, this one too. What cannot be read is passed over. Returns how to stop. */
    listen: (conversation: ConversationId, onSignal: (signal: EdgeSignal) => void): (() => void) =>
      listen(subjectOf(conversation), (text) => {
        const signal = EdgeSignal.safeParse(parseStored(Buffer.from(text))).data;
        if (signal !== undefined) onSignal(signal);
      }),
  };
}
