import { createOfferBoard, type Bus } from "@parley/bus";
import type { Logger } from "@parley/runtime";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import type { Outbox } from "./delivery/outbox.ts";
import { createSignals, type Signals } from "./signals/signals.ts";

export interface EdgeSignalsOptions {
  readonly bus: Pick<Bus, "signals" | "onReconnect">;
  /** Without it nobody knows which agents there are. */
  readonly redis?: Redis | undefined;
  readonly log: Logger;
}

/** Signals between this edge and the others. */
export function openSignals({ bus, redis, log }: EdgeSignalsOptions, outbox: Outbox): Signals {
  const board = redis && createOfferBoard({ redis, log });
  const offered = async (): Promise<readonly string[] | undefined> => {
    const { agents } = (await board?.read()) ?? { agents: [] };
    return board?.isKnown() === true ? agents.map(({ name }) => name) : undefined;
  };
  const signals = createSignals({ signals: bus.signals, outbox, offered, log });
  const forget = bus.onReconnect(signals.sayAll);
  return {
    ...signals,
    close(): void {
      forget();
      signals.close();
    },
  };
}
