import { ChatError, type ConversationId } from "@parley/protocol";
import { lostEnd } from "./lost-end.ts";
import {
  closeHub,
  createHub,
  forgetHub,
  forgetIfDeleted,
  openHub,
  pauseHub,
  sweepHub,
  syncHub,
  type Hub,
  type HubDeps,
  type HubViewer,
} from "./hub.ts";

export type Hubs = ReturnType<typeof createHubs>;

/** Hubs that are read again at the same time after a reconnect: enough to share scans of the stream, few enough to be done in portions. */
const concurrentSyncs = 256;

interface Entry {
  readonly hub: Hub;
  readonly opened: Promise<void>;
}

/** All are held back at once, however long the last one waits until it is read. */
async function syncMany(stale: readonly Hub[], wholeUpTo = Number.POSITIVE_INFINITY): Promise<void> {
  stale.forEach(pauseHub);
  const hubs = stale.values();
  const syncSome = async (): Promise<void> => {
    for (let next = hubs.next(); next.done !== true; next = hubs.next()) {
      // First: once it is synced its viewers are served from what it has.
      await forgetIfDeleted(next.value).catch((err: unknown) =>
        next.value?.deps.log.warn({ err }, "it is not known whether a conversation was deleted"),
      );
      await syncHub(next.value, wholeUpTo);
    }
  };
  await Promise.all(Array.from({ length: concurrentSyncs }, syncSome));
}

function forget(hub: Hub | undefined, lastSeq: number): void {
  if (hub === undefined) return;
  forgetHub(hub, lastSeq);
  hub.viewers.forEach(hub.deps.tellDeleted);
}

/** Where the broker has lost the end of a stream, all that hubs have of it is of another one from now on. */
async function lookForLosses(hubs: (shard?: number) => readonly Hub[], { events, log }: HubDeps): Promise<void> {
  const look = async (shard: number): Promise<void> => {
    try {
      const stream = await lostEnd(shard, () => hubs(shard), events);
      if (stream === undefined) return;
      log.error({ shard, ...stream }, "the event stream has lost its end: whoever looks on begins anew");
      events.renew(shard, stream);
    } catch (err) {
      log.warn({ err, shard }, "it is not known whether the event stream has lost its end");
    }
  };
  hubs().forEach(pauseHub);
  await Promise.all([...new Set(hubs().map(({ shard }) => shard))].map(look));
}

/** The conversations somebody looks at. */
export function createHubs(deps: HubDeps) {
  const { limits, log } = deps;
  const entries = new Map<ConversationId, Entry>();

  const open = (conversation: ConversationId): Entry => {
    const hub = createHub(conversation, deps);
    const entry = { hub, opened: openHub(hub) };
    entries.set(conversation, entry);
    entry.opened.catch((err: unknown) => {
      log.warn({ err, conversation }, "a hub could not be opened");
      if (entries.get(conversation) === entry) entries.delete(conversation);
    });
    return entry;
  };

  const close = (conversation: ConversationId, hub: Hub): void => {
    entries.delete(conversation);
    closeHub(hub);
  };

  const all = (shard?: number): Hub[] =>
    [...entries.values()].flatMap(({ hub }) => (shard === undefined || hub.shard === shard ? hub : []));

  return {
    /** When the broker connection is lost, and again when it is back: see `pauseFeed`. */
    pauseAll: (): void => all().forEach(pauseHub),

    /** The hub of a conversation, open. Throws OVERLOADED when the broker has not answered for 10 s. */
    async of(conversation: ConversationId): Promise<Hub> {
      const { hub, opened } = entries.get(conversation) ?? open(conversation);
      await opened.catch((cause: unknown) => {
        throw new ChatError("OVERLOADED", { cause });
      });
      return hub;
    },

    /** The hub of a conversation, if it has one. */
    peek: (id: ConversationId): Hub | undefined => entries.get(id)?.hub,

    /** Who looks at a conversation here, as of now. */
    viewersOf: (id: ConversationId): readonly HubViewer[] => [...(entries.get(id)?.hub.viewers ?? [])],

    /** All of the conversation up to now was deleted; see `forgetHub`. Who looks at it is told. */
    forget: (id: ConversationId, lastSeq: number): void => forget(entries.get(id)?.hub, lastSeq),

    /** After the broker connection came back: what was live in between is gone; and what was before it too, if the broker lost it. */
    async syncAll(): Promise<void> {
      await lookForLosses(all, deps);
      await syncMany(all());
    },

    /** After the broker may have dropped live events of the shard that it stored after this sequence: see `watchStreams` of the bus. */
    syncShard: (shard: number, afterSeq: number): Promise<void> => syncMany(all(shard), afterSeq),

    /** Once a second. */
    sweep(nowMs: number): void {
      for (const [conversation, { hub }] of entries) {
        const isLeft = hub.emptySinceMs > 0 && nowMs - hub.emptySinceMs > limits.lingerMs;
        if (isLeft) close(conversation, hub);
        else sweepHub(hub, nowMs);
      }
    },

    stats: (): { hubs: number; viewers: number } => ({
      hubs: entries.size,
      viewers: all().reduce((sum, { viewers }) => sum + viewers.size, 0),
    }),

    close: (): void => entries.forEach(({ hub }, conversation) => close(conversation, hub)),
  };
}
