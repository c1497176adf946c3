import { isDeepStrictEqual } from "node:util";
import { nativeDialect } from "@parley/dialects";
import { limits, type PresenceFrame, type TypingFrame } from "@parley/protocol";
import type { Outbox } from "../delivery/outbox.ts";
import type { HubViewer } from "../hub/hub.ts";
import { presenceOf, typingOf, type Room } from "./room.ts";

/** What a viewer was told last. */
interface Told {
  presence: PresenceFrame | undefined;
  typing: TypingFrame | undefined;
  atMs: number;
}

export type Telling = ReturnType<typeof createTelling>;

/** Timers may be early by a little. */
const earlyMs = 20;

/**
 * Tells the viewers of rooms who is there and who types: those whose clients know rooms, and whose sockets keep up; at most once in `signalEveryMs`, and only what has changed.
 * A frame is made, and encoded, once for all of them.
 */
export function createTelling(outbox: Pick<Outbox, "sendFrame" | "isWritable">) {
  const told = new WeakMap<HubViewer, Told>();

  const tellViewer = (room: Room, viewer: HubViewer, nowMs: number): void => {
    const { outlet, state } = viewer;
    if (state !== "live" || !outbox.isWritable(outlet) || !knowsRooms(viewer)) return;
    const before = told.get(viewer) ?? { presence: undefined, typing: undefined, atMs: -Infinity };
    const isPresent = room.presence !== undefined && room.presence !== before.presence;
    const isTyping = room.typingTold !== before.typing && (before.typing ?? room.typingTold?.users.length) !== 0;
    if (!isPresent && !isTyping) return;
    // It came between two of the room's rounds.
    if (nowMs - before.atMs < limits.signalEveryMs - earlyMs) return room.tell.mark();
    told.set(viewer, { presence: room.presence, typing: room.typingTold, atMs: nowMs });
    if (isPresent && room.presence !== undefined) outbox.sendFrame(outlet, room.presence);
    if (isTyping && room.typingTold !== undefined) outbox.sendFrame(outlet, room.typingTold);
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

/** Clients of other protocols are told nothing of this, nor are native ones that are older. */
export function knowsRooms({ outlet }: HubViewer): boolean {
  return outlet.knowsPosts === true && outlet.dialect.name === nativeDialect.name;
}
