import { OwnerRecord, parseStored, streams, subjects, type ConversationId } from "@parley/protocol";
import type { EventLog } from "./event-log.ts";
import type { Owner } from "./owners.ts";
import type { PatientLookups } from "./patient-lookups.ts";

export interface AgesDeps {
  readonly jsm: PatientLookups;
  readonly events: Pick<EventLog, "shardOf">;
  readonly shards: number;
}

/** A conversation that somebody has begun, and where the log says so. */
export interface OwnedConversation {
  readonly shard: number;
  readonly seq: number;
  readonly conversation: ConversationId;
  readonly owner: Owner;
}

/** How old conversations are, for who removes old ones. */
export function createConversationAges({ jsm, events, shards }: AgesDeps) {
  return {
    /** The next one that was begun behind this place; undefined: there is none. One whose owner cannot be read is nobody's, and passed over. */
    async ownerAfter({
      shard: from,
      seq: after,
    }: Pick<OwnedConversation, "shard" | "seq">): Promise<OwnedConversation | undefined> {
      for (let [shard, seq] = [from, after + 1]; shard < shards;) {
        const message = await jsm.lookUp(streams.log(shard), { seq, next_by_subj: subjects.allOwners(shard) });
        if (message === null) {
          [shard, seq] = [shard + 1, 1];
          continue;
        }
        seq = message.seq + 1;
        const owner = OwnerRecord.safeParse(parseStored(message.data)).data;
        if (owner === undefined) continue;
        const conversation = message.subject.split(".").at(-1) ?? "";
        return { shard, seq: message.seq, conversation, owner: { userId: owner.user_id, tenant: owner.tenant } };
      }
      return undefined;
    },

    /** When something was last noted of it, by the broker's clock: also a message that is not queued yet. 0: nothing is known any more. */
    async touchedAt(conversation: ConversationId): Promise<number> {
      const shard = events.shardOf(conversation);
      const at = async (stream: string, subject: string): Promise<number> =>
        (await jsm.streams.getMessage(stream, { last_by_subj: subject }))?.time.getTime() ?? 0;
      const times = await Promise.all([
        at(streams.facts(shard), subjects.factsOf(shard, conversation)),
        at(streams.log(shard), subjects.log(shard, conversation)),
        at(streams.log(shard), subjects.post(shard, conversation)),
      ]);
      return Math.max(...times);
    },
  };
}
