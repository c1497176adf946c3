import { ChatError, encodeJson, type FactOf } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { EventTooLargeError, type Appender } from "./appender.ts";
import { FactsFullError } from "./fact-room.ts";
import type { FactAddress, FactCounts, StoredFact, unreadableFact } from "./stored-fact.ts";

/** Of which the last one counts. */
export type ReplaceableFact = FactOf<"wait"> | FactOf<"ack"> | FactOf<"like">;

/** Whether a fact may take the place of the one that is there. One that cannot be read may be of a newer version. */
export type MayReplace = (present: ReplaceableFact | typeof unreadableFact) => boolean;

interface Reading {
  readonly subjectOf: (kind: ReplaceableFact["kind"], address: FactAddress) => string;
  readonly readAt: (
    kind: ReplaceableFact["kind"],
    subject: string,
  ) => Promise<StoredFact<ReplaceableFact["kind"]> | undefined>;
}

const deadlineMs = 15_000;

/** Writes facts of which the last one counts. Each names the one before it, so nobody puts an old one over a new one without knowing. */
export function createFactReplacing(
  appender: Pick<Appender, "append">,
  counts: FactCounts,
  { subjectOf, readAt }: Reading,
) {
  return async (fact: ReplaceableFact, mayReplace: MayReplace): Promise<boolean> => {
    const { kind, conversation_id: conversation, turn_id: turn } = fact;
    const subject = subjectOf(kind, { conversation, turn, ...(kind === "like" ? { call: fact.scope } : {}) });
    const data = encodeJson(fact);
    const deadline = performance.now() + deadlineMs;
    const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
    while (performance.now() < deadline) {
      const present = await readAt(kind, subject);
      if (present !== undefined && !mayReplace(present.fact)) {
        counts.refused[kind]++;
        return false;
      }
      const result = await appender.append({ subject, data, expect: present?.seq ?? 0 });
      if (result.kind === "stored") {
        counts.written[kind]++;
        return true;
      }
      if (result.kind === "too large") throw new EventTooLargeError(result);
      if (result.kind === "no room") {
        counts.withoutRoom++;
        throw new FactsFullError(result.description);
      }
      await sleep(backoff.nextMs());
    }
    throw new ChatError("OVERLOADED", { cause: new Error(`could not write ${subject}`) });
  };
}
