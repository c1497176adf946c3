import { Fact, parseStored, streams, wakeConsumer, type FactOf } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { createConsumerPulls, type PulledMessage } from "./consumer-pulls.ts";
import type { EventLog } from "./event-log.ts";
import type { BrokerLink } from "./nats-connection.ts";
import type { Opening } from "./opening.ts";
import type { Outbox } from "./outbox.ts";
import type { Unreadable } from "./unreadable.ts";

/** What somebody has decided, as work: it comes again until a worker has seen it carried out. */
export interface Decision {
  readonly fact: FactOf<"decided">;
  /** It was carried out. */
  ack(): void;
  /** It is being looked after: it does not come again until the ack wait is over. */
  working(): void;
  /** Somebody else is to look after it, at once. */
  nak(): void;
}

interface DecisionDeps {
  readonly link: BrokerLink;
  readonly outbox: Outbox;
  readonly events: Pick<EventLog, "restore">;
  readonly shards: number;
  readonly unreadable: Unreadable;
  readonly opening: Opening;
  readonly log: Logger;
}

export type Decisions = ReturnType<typeof createDecisions>;

/** The consumer that all agent workers share, on the facts of each shard. */
export function createDecisions({ link, outbox, events, shards, unreadable, opening, log }: DecisionDeps) {
  const { nc } = link;
  const pulls = new Map<number, ReturnType<typeof createConsumerPulls>>();

  const pullsOf = (shard: number): ReturnType<typeof createConsumerPulls> => {
    const known = pulls.get(shard);
    if (known !== undefined) return known;
    const of = { stream: streams.facts(shard), consumer: wakeConsumer };
    const made = createConsumerPulls(link, { ...of, outbox, opening, log });
    pulls.set(shard, made);
    return made;
  };
  const say = (reply: string, word: string): void => {
    if (!nc.isClosed() && !nc.isDraining()) nc.publish(reply, word);
  };
  /** Of one that cannot be read a newer version sees to it: it is left alone until it comes again. */
  const decisionOf = (message: PulledMessage): Decision | undefined => {
    const { data: fact } = Fact.safeParse(parseStored(message.data));
    if (fact?.kind !== "decided") {
      // Nobody waits for one of a conversation that was deleted.
      if (message.erased !== undefined) say(message.reply, "+ACK");
      else unreadable.note("fact", message);
      return undefined;
    }
    const answer = (word: string) => (): void => say(message.reply, word);
    return { fact, ack: answer("+ACK"), working: answer("+WPI"), nak: answer("-NAK") };
  };

  return {
    shards,

    /** Pulls up to `most` of a shard; ends when all have come, or after `expiresMs`. Throws when the broker cannot be asked. */
    async pull(
      shard: number,
      { most, expiresMs }: { most: number; expiresMs: number },
      onDecision: (decision: Decision) => void,
    ): Promise<void> {
      try {
        await pullsOf(shard).pull(most, expiresMs, (message) => {
          const decision = decisionOf(message);
          if (decision !== undefined) onDecision(decision);
        });
      } catch (error) {
        // The stream or its consumer may be gone: made again.
        await events.restore();
        throw error;
      }
    },

    /** Pulls no more. What was on its way here has been given away when this resolves. */
    endPulls: async (): Promise<void> => void (await Promise.all([...pulls.values()].map((of) => of.end()))),
  };
}
