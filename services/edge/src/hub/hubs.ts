import type { EventLog } from "@parley/bus";
import { ChatError, type ConversationId } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { DeliveryLimits } from "../delivery-limits.ts";
import { createHub, type Hub, type HubDeps } from "./hub.ts";

export interface HubsDeps extends Omit<HubDeps, "conversation"> {
  readonly events: EventLog;
  readonly limits: DeliveryLimits;
  readonly log: Logger;
}

export type Hubs = ReturnType<typeof createHubs>;

/** Re-reading after a reconnect would otherwise be a storm of its own. */
const concurrentSyncs = 8;

interface Entry {
  readonly hub: Hub;
  readonly opened: Promise<void>;
}

/** The conversations somebody looks at. */
export function createHubs(deps: HubsDeps) {
  const { limits, log } = deps;
  const entries = new Map<ConversationId, Entry>();

  const open = (conversation: ConversationId): Entry => {
    const hub = createHub({ ...deps, conversation });
    const entry = { hub, opened: hub.open() };
    entries.set(conversation, entry);
    entry.opened.catch((err: unknown) => {
      log.warn({ err, conversation }, "a hub could not be opened");
      if (entries.get(conversation) === entry) entries.delete(conversation);
    });
    return entry;
  };

  const syncSome = async (hubs: Iterator<Hub>): Promise<void> => {
    for (let next = hubs.next(); next.done !== true; next = hubs.next()) await next.value.sync();
  };

  return {
    /** The hub of a conversation, open. Throws OVERLOADED when the broker does not answer. */
    async of(conversation: ConversationId): Promise<Hub> {
      const { hub, opened } = entries.get(conversation) ?? open(conversation);
      await opened.catch((cause: unknown) => {
        throw new ChatError("OVERLOADED", { cause });
      });
      return hub;
    },

    /** After the broker connection came back: what was live in between is gone. */
    async syncAll(): Promise<void> {
      const hubs = [...entries.values()].map(({ hub }) => hub).values();
      await Promise.all(Array.from({ length: concurrentSyncs }, () => syncSome(hubs)));
    },

    /** Once a second. */
    sweep(nowMs: number): void {
      for (const [conversation, { hub }] of entries) {
        if (hub.emptySinceMs > 0 && nowMs - hub.emptySinceMs > limits.lingerMs) {
          entries.delete(conversation);
          hub.close();
        } else hub.sweep(nowMs);
      }
    },

    stats(): { hubs: number; viewers: number } {
      let viewers = 0;
      for (const { hub } of entries.values()) viewers += hub.viewers.size;
      return { hubs: entries.size, viewers };
    },

    close(): void {
      for (const { hub } of entries.values()) hub.close();
      entries.clear();
    },
  };
}
