import { OwnerRecord, PeopleRecord, parseStored, streams, subjects, type ConversationId } from "@parley/protocol";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Unreadable } from "./unreadable.ts";

export interface OwnerSearchDeps {
  readonly jsm: PatientLookups;
  readonly shards: number;
  readonly unreadable: Unreadable;
}

/** Parts of a stream that are looked through side by side. One look-up waits for the broker, which takes 0.1 ms. */
const scanners = 16;

/** Which conversations are whose. */
export function createOwnerSearch(deps: OwnerSearchDeps) {
  const { jsm, shards } = deps;
  return {
    /**
     * The conversations of some users, those that they began and those in which they have a part, by looking at the records of owners and people of all, one at a time: nothing is kept
     * but what is theirs. Of some they may have no part any more. Throws when the broker does not answer, or `signal` is aborted.
     */
    async ownedBy(users: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlyMap<string, ConversationId[]>> {
      const found = new Map([...users].map((user): [string, Set<ConversationId>] => [user, new Set()]));
      const take = (conversation: ConversationId, user: string): void => void found.get(user)?.add(conversation);
      for (let shard = 0; shard < shards; shard++) {
        const { first_seq, last_seq } = (await jsm.streams.info(streams.log(shard))).state;
        const size = Math.ceil((last_seq - first_seq + 1) / scanners);
        const scan = (nth: number): Promise<void> => {
          const from = first_seq + nth * size;
          return scanOwners(deps, { shard, from, to: Math.min(last_seq, from + size - 1), signal }, take);
        };
        await Promise.all(Array.from({ length: scanners }, (_, nth) => scan(nth)));
        await scanPeople(deps, { shard, from: first_seq, to: last_seq, signal }, take);
      }
      return new Map([...found].map(([user, conversations]) => [user, [...conversations]]));
    },
  };
}

interface OwnerRange {
  readonly shard: number;
  readonly from: number;
  readonly to: number;
  readonly signal: AbortSignal;
}

async function scanOwners(
  { jsm, unreadable }: OwnerSearchDeps,
  { shard, from, to, signal }: OwnerRange,
  onOwner: (conversation: ConversationId, user: string) => void,
): Promise<void> {
  for (let seq = from; seq <= to;) {
    signal.throwIfAborted();
    const message = await jsm.lookUp(streams.log(shard), { seq, next_by_subj: subjects.allOwners(shard) });
    if (message === null || message.seq > to) return;
    seq = message.seq + 1;
    const { data: owner } = OwnerRecord.safeParse(parseStored(message.data));
    if (owner === undefined) unreadable.note("owner", message);
    else onOwner(message.subject.split(".").at(-1) ?? "", owner.user_id);
  }
}

/** Whoever has a part in a conversation: one record for each that has people, so these are few. */
async function scanPeople(
  { jsm, unreadable }: OwnerSearchDeps,
  { shard, from, to, signal }: OwnerRange,
  onMember: (conversation: ConversationId, user: string) => void,
): Promise<void> {
  for (let seq = from; seq <= to;) {
    signal.throwIfAborted();
    const message = await jsm.lookUp(streams.log(shard), { seq, next_by_subj: subjects.allPeople(shard) });
    if (message === null || message.seq > to) return;
    seq = message.seq + 1;
    const { data: record } = PeopleRecord.safeParse(parseStored(message.data));
    if (record === undefined) unreadable.note("record", message);
    const { people } = record ?? {};
    if (people === undefined) continue;
    const conversation = message.subject.split(".").at(-1) ?? "";
    for (const { id } of [people.owner, ...people.members]) onMember(conversation, id);
  }
}
