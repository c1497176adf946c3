import { EventTooLargeError, FactsFullError, type Bus, type FactAddress, type StoredFact } from "@parley/bus";
import {
  askedEventOf,
  beginningOf,
  shortArguments,
  subjects,
  type AskedEvent,
  type FactOf,
  type ToolJob,
} from "@parley/protocol";
import { retried } from "./broker-patience.ts";
import { addressOf } from "./call-ids.ts";

/** What is stored of a person's agreement to a call. */
export interface StoredApproval {
  readonly asked?: StoredFact<"asked"> | undefined;
  readonly decided?: StoredFact<"decided"> | undefined;
}

export type ApprovalLog = ReturnType<typeof createApprovalLog>;

/** Questions to people about calls: the fact first, which counts, then the event, which tells of it. */
export function createApprovalLog({ events, facts }: Pick<Bus, "events" | "facts">) {
  /** Once: whoever finds a question without its event writes the same event, as its worker was lost in between. */
  const tell = async (job: ToolJob, asked: FactOf<"asked">): Promise<void> => {
    const { conversation_id, turn_id, call_id } = job;
    const subject = subjects.approvalRequired(events.shardOf(conversation_id), conversation_id, turn_id, call_id);
    const event = askedEventOf(asked, job.arguments);
    await events.ensureWritten(subject, event, (maxBytes) => shortened(event, maxBytes));
  };

  return {
    tell,

    /** By the word of the stream's leader. Waits through short broker trouble, then throws. */
    async read(job: ToolJob): Promise<StoredApproval> {
      const address = addressOf(job);
      const [asked, decided] = await retried(() =>
        Promise.all([facts.readStored("asked", address), facts.readStored("decided", address)]),
      );
      return { asked, decided };
    },

    /** Where calls like one another were agreed to; undefined: nowhere that can be read. */
    async readLike(address: FactAddress): Promise<FactOf<"like"> | undefined> {
      const fact = await retried(() => facts.read("like", address));
      return fact?.kind === "like" ? fact : undefined;
    },

    /**
     * Asks, unless it was asked before: then that question counts, and is told. Tries for 15 s, then throws. `no room`: nobody was asked;
     * `unreadable`: nobody can be.
     */
    async ask(job: ToolJob, question: FactOf<"asked">): Promise<"asked" | "no room" | "unreadable"> {
      try {
        const { fact } = await facts.write(question);
        if (fact.kind !== "asked") return "unreadable";
        await tell(job, fact);
        return "asked";
      } catch (error) {
        if (error instanceof FactsFullError || error instanceof EventTooLargeError) return "no room";
        throw error;
      }
    },
  };
}

/** For a broker that takes less than it should. */
function shortened(event: AskedEvent, maxBytes: number): AskedEvent {
  const { preview } = event;
  const shown = preview && { ...preview, text: beginningOf(preview.text, maxBytes / 4).result };
  return {
    ...event,
    arguments: shortArguments(event.arguments, maxBytes / 4),
    ...(shown === undefined ? {} : { preview: shown }),
  };
}
