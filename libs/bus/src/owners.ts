import type { PatientLookups } from "./patient-lookups.ts";
import {
  ChatError,
  OwnerRecord,
  encodeJson,
  parseStored,
  streams,
  subjects,
  type ConversationId,
} from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { EventTooLargeError, NoRoomError } from "./appender.ts";
import type { EventLog } from "./event-log.ts";
import type { Unreadable } from "./unreadable.ts";

export type Owners = ReturnType<typeof createOwners>;

/** `tenant`: of which its user was when the conversation was made; undefined: of none. */
export interface Owner {
  readonly userId: string;
  readonly tenant: string | undefined;
}

/** `isNew`: it was nobody's before. */
export interface Claimed extends Owner {
  readonly isNew: boolean;
}

const claimDeadlineMs = 10_000;

/** Whose conversation it is: written once, by the first who uses its id. */
export function createOwners(
  jsm: PatientLookups,
  events: EventLog,
  unreadable: Unreadable,
  /** Called with a conversation that was nobody's before. */
  onNew: (conversation: ConversationId, tenant: string | undefined) => void,
) {
  const ownerOf = async (conversation: ConversationId): Promise<Owner | undefined> => {
    const shard = events.shardOf(conversation);
    const query = { last_by_subj: subjects.owner(shard, conversation) };
    const message = await jsm.lookUp(streams.log(shard), query);
    if (message === null) return undefined;
    const { data: owner } = OwnerRecord.safeParse(parseStored(message.data));
    if (owner !== undefined) return { userId: owner.user_id, tenant: owner.tenant };
    // Whose it is nobody can say any more: so it is nobody's who asks.
    unreadable.note("owner", message);
    return { userId: "", tenant: undefined };
  };

  return {
    ownerOf,

    /** Makes the user the owner if nobody is; returns who is. Throws OVERLOADED after 10 s without the broker. */
    async claim(conversation: ConversationId, userId: string, tenant?: string): Promise<Claimed> {
      const subject = subjects.owner(events.shardOf(conversation), conversation);
      const data = encodeJson(recordOf(userId, tenant));
      const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
      const deadline = performance.now() + claimDeadlineMs;
      while (performance.now() < deadline) {
        const result = await events.append({ subject, data, expect: 0 });
        if (result.kind === "stored") {
          onNew(conversation, tenant);
          return { userId, tenant, isNew: true };
        }
        if (result.kind === "no room") throw new NoRoomError(result.description);
        if (result.kind === "too large") throw new EventTooLargeError(result);
        const owner = result.kind === "refused" ? await ownerOf(conversation).catch(() => undefined) : undefined;
        if (owner !== undefined) return { ...owner, isNew: false };
        await sleep(backoff.nextMs());
      }
      throw new ChatError("OVERLOADED", { cause: new Error(`could not record the owner of ${conversation}`) });
    },
  };
}

function recordOf(userId: string, tenant: string | undefined): OwnerRecord {
  return { v: 1, user_id: userId, ...(tenant === undefined ? {} : { tenant }), ts: Date.now() };
}
