import { createOfferBoard, type Bus } from "@parley/bus";
import type { Logger } from "@parley/runtime";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import type { KnownPeople } from "./commands/known-people.ts";
import type { Outbox } from "./delivery/outbox.ts";
import { createPresence } from "./signals/asking.ts";
import { createReading } from "./signals/reading.ts";
import { createSignals } from "./signals/signals.ts";

export interface EdgeSignalsOptions {
  readonly bus: Pick<Bus, "signals" | "onReconnect" | "readMarks" | "people">;
  /** Without it nobody knows which agents there are. */
  readonly redis?: Redis | undefined;
  readonly known: Pick<KnownPeople, "find" | "lookUp">;
  readonly log: Logger;
}

/** Signals between this edge and the others. */
export function openSignals({ bus, redis, known, log }: EdgeSignalsOptions, outbox: Outbox) {
  const board = redis && createOfferBoard({ redis, log });
  const offered = async (): Promise<readonly string[] | undefined> => {
    const { agents } = (await board?.read()) ?? { agents: [] };
    return board?.isKnown() === true ? agents.map(({ name }) => name) : undefined;
  };
  const { readMarks, people } = bus;
  const own = createSignals({
    signals: bus.signals,
    people: async (id) => (await known.find(id))?.people,
    lookUp: async (id) => (await known.lookUp(id))?.people,
    ...{ readMarks, outbox, offered, log },
  });
  const reading = createReading({ readMarks, people, onMoved: own.moved, log });
  const forget = bus.onReconnect(own.heardNothing);
  return {
    ...own,
    read: reading.read,
    presence: createPresence({ signals: bus.signals, own }),
    sweep(nowMs: number): void {
      own.sweep(nowMs);
      reading.sweep(nowMs);
    },
    /** What somebody has read is kept before the process ends. Never rejects. */
    settle: reading.close,
    close(): void {
      forget();
      own.close();
    },
  };
}
