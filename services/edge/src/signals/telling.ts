import { isDeepStrictEqual } from "node:util";
import { limits, type PresenceFrame, type ReadFrame, type TypingFrame } from "@parley/protocol";
import { takesPosts, type Outbox } from "../delivery/outbox.ts";
import type { HubViewer } from "../hub/hub.ts";
import { readFrameFor } from "./marks.ts";
import { presenceOf, typingOf, type Room } from "./room.ts";

/** What a viewer was told last. */
interface Told {
  readonly presence: PresenceFrame | undefined;
  readonly typing: TypingFrame | undefined;
  /** The version of marks. */
  readonly read: number;
  readonly atMs: number;
}

const nothing: Told = { presence: undefined, typing: undefined, read: 0, atMs: -Infinity };

export type Telling = ReturnType<typeof createTelling>;

/** Timers may be early by a little. */
const earlyMs = 20;

/**
 * Tells the viewers of rooms who is there, who types and how far members have read: those whose clients know rooms, and whose sockets keep up; at most once in `signalEveryMs`, and
 * only what has changed. A frame is made, and encoded, once for all of them.
 */
export function createTelling(outbox: Pick<Outbox, "sendFrame" | "isWritable">) {
  const told = new WeakMap<HubViewer, Told>();

  const tellViewer = (room: Room, viewer: HubViewer, nowMs: number): void => {
    const { outlet, state, isGreeted } = viewer;
    if (!outbox.isWritable(outlet) || !takesPosts(outlet)) return;
    const before = told.get(viewer) ?? nothing;
    // While the broker is away all viewers wait for events: who was told something hears also that it is not known any more.
    const isWaiting = state === "lagging" && before !== nothing && !isGreeted;
    if (state !== "live" && !isWaiting) return;
    const frames = newsFor(room, viewer, before);
    if (frames.length === 0) return;
    // It came between two of the room's rounds.
    if (nowMs - before.atMs < limits.signalEveryMs - earlyMs) return room.tell.mark();
    const { presence, typingTold: typing, marks } = room;
    told.set(viewer, { presence, typing, read: marks.version, atMs: nowMs });
    for (const frame of frames) outbox.sendFrame(outlet, frame);
  };

  return {
    tellViewer,

    /** Looks how things stand, and tells whoever was told otherwise. */
    tellAll(room: Room, offered: ReadonlySet<string> | undefined): void {
      const presence = presenceOf(room, offered);
      if (!isDeepStrictEqual(presence, room.presence)) room.presence = presence;
      const typing = typingOf(room);
      if (!isDeepStrictEqual(typing, room.typingTold)) room.typingTold = typing;
      const nowMs = performance.now();
      for (const viewer of room.hub.viewers) tellViewer(room, viewer, nowMs);
    },
  };
}

function newsFor(room: Room, { outlet }: HubViewer, before: Told): (PresenceFrame | TypingFrame | ReadFrame)[] {
  const { presence, typingTold, marks, people, hub } = room;
  // That nobody types says nothing to who was never told that somebody does.
  const isNews = typingTold !== before.typing && (before.typing !== undefined || typingTold?.users.length !== 0);
  const typing = isNews ? typingTold : undefined;
  const userId = outlet.caller?.user.id;
  const asker = { conversation: hub.conversation, people, userId, since: before.read };
  const news = [presence === before.presence ? undefined : presence, typing, readFrameFor(marks, asker)];
  return news.filter((frame) => frame !== undefined);
}
