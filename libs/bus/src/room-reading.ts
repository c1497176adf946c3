import {
  ChangesRecord,
  parseStored,
  streams,
  subjects,
  type ConversationId,
  type MessageChanges,
} from "@parley/protocol";
import { createGate } from "@parley/runtime";
import type { EventLog } from "./event-log.ts";
import type { PatientLookups } from "./patient-lookups.ts";

export type RoomReading = ReturnType<typeof createRoomReading>;

const lookUpsAtOnce = 32;

/** What agent workers read of changed messages. They may write none of it, so they tell nobody what an edge has left untold. */
export function createRoomReading(jsm: PatientLookups, events: EventLog) {
  const gate = createGate(lookUpsAtOnce);
  const changesOf = async (conversation: ConversationId, message: string): Promise<MessageChanges | undefined> => {
    const shard = events.shardOf(conversation);
    const query = { last_by_subj: subjects.change(shard, conversation, message) };
    const found = await gate(() => jsm.lookUp(streams.log(shard), query));
    return found === null ? undefined : ChangesRecord.safeParse(parseStored(found.data)).data?.changes;
  };
  return {
    /** What became of these messages, of those of which anything did. */
    changes: async (conversation: ConversationId, messages: readonly string[]): Promise<MessageChanges[]> =>
      (await Promise.all(messages.map((id) => changesOf(conversation, id)))).filter((one) => one !== undefined),
  };
}
