import { PeopleRecord, parseStored, streams, subjects, type ConversationId } from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { EventLog } from "./event-log.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { Owners } from "./owners.ts";
import type { PatientLookups } from "./patient-lookups.ts";

export interface ChangeFlagDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly owners: Pick<Owners, "ownerOf">;
}

export type ChangeFlags = ReturnType<typeof createChangeFlags>;

/** Whether messages of a conversation were ever changed, as its record of people says. */
export function createChangeFlags({ jsm, events, owners }: ChangeFlagDeps) {
  const read = (message: FoundMessage | null): LastOne<PeopleRecord> | undefined =>
    message === null ? undefined : { seq: message.seq, value: PeopleRecord.safeParse(parseStored(message.data)).data };
  const placeOf = (conversation: ConversationId) => {
    const shard = events.shardOf(conversation);
    return { stream: streams.log(shard), subject: subjects.people(shard, conversation) };
  };
  const of = async (conversation: ConversationId): Promise<PeopleRecord["people"]> => {
    const { stream, subject } = placeOf(conversation);
    return read(await jsm.lookUp(stream, { last_by_subj: subject }))?.value?.people;
  };

  return {
    of,
    has: async (conversation: ConversationId): Promise<boolean> => (await of(conversation))?.has.changes === true,
    async note(conversation: ConversationId): Promise<void> {
      const { stream, subject } = placeOf(conversation);
      const last = async () => read(await jsm.streams.getMessage(stream, { last_by_subj: subject }));
      const owner = await owners.ownerOf(conversation);
      await appendBehind<PeopleRecord>({ append: events.append, last }, subject, (found) => {
        const people = found?.value?.people;
        if (people?.has.changes === true) return undefined;
        const begun = { owner: { id: owner?.userId ?? "" }, members: [], invites: [], agents: [], pins: [] };
        return {
          ...{ v: 1, kind: "people", conversation_id: conversation, n: (found?.value?.n ?? 0) + 1 },
          people: { ...begun, ...people, has: { ...people?.has, changes: true } },
          ts: Date.now(),
        };
      });
    },
  };
}
