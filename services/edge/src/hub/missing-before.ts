import { RangeTooLargeError, type EventLog, type StoredMessage } from "@parley/bus";
import { isTerminal, parseEventSubject, subjects, type ConversationId, type EventAddress } from "@parley/protocol";
import type { Intake } from "./intake.ts";

interface Circumstances {
  readonly events: Pick<EventLog, "lastFromLeader" | "storedFromLeader">;
  readonly intake: Pick<Intake, "grounds" | "wasTaken">;
}

/** Neither of them: what an answer comes after was stored before this feed began, or is not stored yet (then it is behind it, and will come). */
export interface Missing {
  /** The message that is answered. */
  readonly message: StoredMessage | undefined;
  /** An end is, and perhaps more of its answer. */
  readonly isEndMissing: boolean;
}

/**
 * An answer comes after the message that is answered, and after the end of the answer before it: a viewer that gets them in this order, and is cut,
 * lacks none of them below what it has. Returns what of that is missing before the first event of an answer.
 */
export async function missingBefore(first: StoredMessage, circumstances: Circumstances): Promise<Missing> {
  const address = parseEventSubject(first.subject);
  if (address === undefined) return { message: undefined, isEndMissing: false };
  const [message, isEndMissing] = await Promise.all([
    missingMessage(first, address, circumstances),
    lacksEnd(first, address, circumstances),
  ]);
  return { message, isEndMissing };
}

async function missingMessage(
  first: StoredMessage,
  { shard, conversation, turn }: EventAddress,
  { events, intake }: Circumstances,
): Promise<StoredMessage | undefined> {
  const message = await events.storedFromLeader(subjects.user(shard, conversation, turn));
  return message !== undefined && isMissing(message, first, intake) ? message : undefined;
}

async function lacksEnd(
  first: StoredMessage,
  address: EventAddress,
  { events, intake }: Circumstances,
): Promise<boolean> {
  const { shard, conversation } = address;
  const lacks = await Promise.all(
    intake.grounds.openBefore(address).map(async (other) => {
      const subject = subjects.agent(shard, conversation, other);
      const last = await events.lastFromLeader(subject);
      return last !== undefined && isTerminal(last.event.type) && isMissing({ subject, seq: last.seq }, first, intake);
    }),
  );
  return lacks.includes(true);
}

type Stored = Pick<StoredMessage, "subject" | "seq">;

function isMissing(found: Stored, first: Stored, { grounds, wasTaken }: Circumstances["intake"]): boolean {
  return found.seq < first.seq && !grounds.isForgotten(found.seq) && !wasTaken(found);
}

interface Place {
  readonly conversation: ConversationId;
  readonly shard: number;
  readonly events: Pick<EventLog, "mayHaveAfter" | "read">;
}

/** Whatever is stored of a conversation above this sequence, by the time that this is asked. Undefined: more than can be read at once. */
export async function missingAbove(
  seq: number,
  { conversation, shard, events }: Place,
): Promise<StoredMessage[] | undefined> {
  if (!(await events.mayHaveAfter(shard, conversation, seq))) return [];
  return events.read(conversation, { fromSeq: seq + 1 }).catch((error: unknown) => {
    if (!(error instanceof RangeTooLargeError)) throw error;
    return undefined;
  });
}

/**
 * Whether what came behind a hole, up to the end of what was read since, was in none of it: the stream has forgotten it, and the hole with it. Nothing fills that
 * any more, and to read again for it would go on for ever.
 */
export function isHoleForgotten(
  waiting: readonly StoredMessage[],
  { wasTaken, judge }: Pick<Intake, "wasTaken" | "judge">,
  readUpTo: number,
): boolean {
  const [first] = waiting
    .filter((message) => message.seq <= readUpTo && !wasTaken(message))
    .toSorted((one, other) => one.seq - other.seq);
  return first !== undefined && judge(first) === "hole";
}
