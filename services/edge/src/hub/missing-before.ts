import type { EventLog, StoredMessage } from "@parley/bus";
import { isTerminal, parseEventSubject, subjects } from "@parley/protocol";
import type { Intake } from "./intake.ts";

interface Circumstances {
  readonly events: Pick<EventLog, "lastFromLeader">;
  readonly intake: Pick<Intake, "grounds" | "wasTaken">;
}

/**
 * An answer comes after the message that is answered, and after the end of the answer before it: a viewer that gets them in this order, and is cut,
 * lacks none of them below what it has. Returns the sequence from which on something is missing before the first event of an answer. Undefined: what
 * it comes after was stored before this feed began, or is not stored yet (then it is behind it, and will come).
 */
export async function missingBefore(
  { subject, seq }: StoredMessage,
  { events, intake }: Circumstances,
): Promise<number | undefined> {
  const address = parseEventSubject(subject);
  if (address === undefined) return undefined;
  const { shard, conversation, turn } = address;
  const ends = intake.grounds.openBefore(address).map((other) => subjects.agent(shard, conversation, other));
  const before = [subjects.user(shard, conversation, turn), ...ends];
  const stored = await Promise.all(before.map((one) => events.lastFromLeader(one)));
  const missing = stored.flatMap((found, i) => {
    if (found === undefined || found.seq > seq || intake.grounds.isForgotten(found.seq)) return [];
    const isNeeded = found.event.type === "message" || isTerminal(found.event.type);
    return isNeeded && !intake.wasTaken({ subject: before[i] ?? "", seq: found.seq }) ? found.seq : [];
  });
  return missing.length === 0 ? undefined : Math.min(...missing);
}
