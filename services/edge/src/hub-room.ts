import type { Bus } from "@parley/bus";
import type { Logger } from "@parley/runtime";
import { createGuests, type Guests } from "./commands/guests.ts";
import { createKnownPeople, type KnownPeople } from "./commands/known-people.ts";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import type { AnswerTimes } from "./delivery/answer-times.ts";
import { deliveryLimits, type DeliveryLimits } from "./delivery/delivery-limits.ts";
import { createDelivery } from "./delivery/delivery.ts";
import { createOutbox } from "./delivery/outbox.ts";
import { openSignals } from "./edge-signals.ts";
import type { Counters } from "./figures/metrics.ts";
import { createCatchUp } from "./hub/catch-up.ts";
import { createDeletionNotice } from "./hub/deletion-notice.ts";
import { createHistory } from "./hub/history.ts";
import { settle, type Hub, type HubViewer } from "./hub/hub.ts";
import { createHubs, type Hubs } from "./hub/hubs.ts";
import { showLateRoom } from "./hub/late-room.ts";
import { createResuming } from "./hub/resuming.ts";
import { hasRoom } from "./hub/room-for-post.ts";
import { createSeenChanges } from "./hub/seen-changes.ts";
import { moveViewer } from "./hub/viewer.ts";
import { createWaiting } from "./hub/waiting.ts";
import { createWholeConversations } from "./hub/whole-conversation.ts";

export interface HubRoomOptions {
  readonly bus: Bus;
  readonly redis?: Redis | undefined;
  readonly limits?: DeliveryLimits | undefined;
  readonly log: Logger;
}

export interface Counting {
  readonly counters: Counters;
  readonly answers: AnswerTimes;
}

/** `delivery` and `hub`: what comes from the broker, and what each viewer gets of it. */
export function createHubRoom(
  { bus, redis, limits = deliveryLimits, log }: HubRoomOptions,
  { counters, answers }: Counting,
) {
  const { events, facts, turns, transcripts, titles, feedback, handovers, waitingTexts, posts, changes } = bus;
  const outbox = createOutbox({ limits, counters, answers });
  const known = createKnownPeople({ bus, log });
  const guests = createGuests({ outbox, known, onDismissed: counters.rooms.dismissed });
  const signals = openSignals({ bus, redis, known, log }, outbox);
  const lag = (viewer: HubViewer): void => moveViewer(viewer, "lagging");
  const delivery = createDelivery<HubViewer, Hub>({ outbox, settle, lag, hasRoom });
  const { mark } = delivery;
  const seenChanges = createSeenChanges();
  const peopleOf = known.room.find;
  const history = createHistory({ events, facts, turns });
  const waiting = createWaiting({ turns, waitingTexts, outbox, log });
  const tellQueue = (viewer: HubViewer): void => {
    waiting.tell(viewer);
    signals.tell(viewer);
  };
  const recovery = { outbox, counters, mark, tellQueue };
  const { lookOnce } = waiting;
  const { readsIn } = signals;
  const kept = { transcripts, titles, feedback, handovers, posts, changes };
  const stored = { events, ...kept, room: known.room, isChanged: seenChanges.has };
  const tellDeleted = createDeletionNotice({ outbox, events, log });
  const whole = createWholeConversations({ ...recovery, ...stored, history, lookOnce, readsIn, tellDeleted, log });
  const catchUp = createCatchUp({ ...recovery, history, whole, log });
  const resuming = createResuming({ events, turns, transcripts, peopleOf, history, catchUp: catchUp.catchUp, log });
  const hubs = createHubs({
    events,
    limits,
    counters,
    mark,
    catchUp: catchUp.catchUp,
    lookAtQueue: (hub) => void waiting.look(hub),
    isIdle: async (conversation) => (await turns.first(conversation)) === undefined,
    onPeople: guests.look,
    onViewers: signals.viewersChanged,
    onNews: (hub, event) => [signals.news, seenChanges.look].forEach((hear) => hear(hub, event)),
    tellDeleted,
    log,
  });
  followPeople({ known, guests, hubs, log });
  const close = closing(known.close, signals.close, hubs.close, delivery.stop);
  return { outbox, hubs, catchUp, resuming, waiting, guests, signals, known, seenChanges, close };
}

interface Dismissing {
  readonly known: KnownPeople;
  readonly guests: Guests;
  readonly hubs: Hubs;
  readonly log: Logger;
}

/** Whoever has no part in a conversation any more looks on no longer, also where the event of it does not come; and who has one sees the others. */
function followPeople({ known, guests, hubs, log }: Dismissing): void {
  known.onChange((conversation, knownMs) => {
    const hub = hubs.peek(conversation);
    if (hub !== undefined) showLateRoom(hub, knownMs);
    guests.check(conversation, hubs.viewersOf(conversation)).catch((err: unknown) => {
      log.warn({ err, conversation }, "it is not known who may go on to look at a conversation");
    });
  });
}

/** One after the other. */
export function closing(...parts: readonly ((() => void) | undefined)[]): () => void {
  return () => parts.forEach((close) => close?.());
}

export type HubRoom = ReturnType<typeof createHubRoom>;

/** What hubs must know of the broker: whether it is there, and whether it may have kept copies to itself. Returns how to stop. */
export function followBroker(bus: Bus, hubs: Hubs): () => void {
  const forgetReconnects = bus.onReconnect(() => void hubs.syncAll());
  const forgetDisconnects = bus.onDisconnect(hubs.pauseAll);
  const watching = new AbortController();
  bus.watchStreams((shard, afterSeq) => void hubs.syncShard(shard, afterSeq), watching.signal);
  return () => {
    forgetReconnects();
    forgetDisconnects();
    watching.abort();
  };
}
