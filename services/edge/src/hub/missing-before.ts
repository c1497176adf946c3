import type { EventLog, StoredMessage } from "@parley/bus";
import { isTerminal, parseEventSubject, subjects, type EventAddress } from "@parley/protocol";
import type { Intake } from "./intake.ts";

interface Circumstances {
  readonly events: Pick<EventLog, "lastFromLeader" | "storedFromLeader">;
  readonly intake: Pick<Intake, "grounds" | "wasTaken">;
}

/** Undefined, both of them: what an answer comes after was stored before this feed began, or is not stored yet (then it is behind it, and will come). */
export interface Missing {
  /** The message that is answered. */
  readonly message: StoredMessage | undefined;
  /** Where the first end is that is missing; more of its answer may be. */
  readonly endSeq: number | undefined;
}

/**
 * An answer comes after the message that is answered, and after the end of the answer before it: a viewer that gets them in this order, and is cut,
 * lacks none of them below what it has. Returns what of that is missing before the first event of an answer.
 */
export async function missingBefore(first: StoredMessage, circumstances: Circumstances): Promise<Missing> {
  const address = parseEventSubject(first.subject);
  if (address === undefined) return { message: undefined, endSeq: undefined };
  const [message, endSeq] = await Promise.all([
    missingMessage(first, address, circumstances),
    missingEnd(first, address, circumstances),
  ]);
  return { message, endSeq };
}

async function missingMessage(
  first: StoredMessage,
  { shard, conversation, turn }: EventAddress,
  { events, intake }: Circumstances,
): Promise<StoredMessage | undefined> {
  const message = await events.storedFromLeader(subjects.user(shard, conversation, turn));
  return message !== undefined && isMissing(message, first, intake) ? message : undefined;
}

async function missingEnd(
  first: StoredMessage,
  address: EventAddress,
  { events, intake }: Circumstances,
): Promise<number | undefined> {
  const { shard, conversation } = address;
  const seqs = await Promise.all(
    intake.grounds.openBefore(address).map(async (other) => {
      const subject = subjects.agent(shard, conversation, other);
      const last = await events.lastFromLeader(subject);
      const isEnd = last !== undefined && isTerminal(last.event.type);
      return isEnd && isMissing({ subject, seq: last.seq }, first, intake) ? last.seq : Infinity;
    }),
  );
  const lowest = Math.min(...seqs);
  return lowest === Infinity ? undefined : lowest;
}

type Place = Pick<StoredMessage, "subject" | "seq">;

function isMissing(found: Place, first: Place, { grounds, wasTaken }: Circumstances["intake"]): boolean {
  return found.seq < first.seq && !grounds.isForgotten(found.seq) && !wasTaken(found);
}
