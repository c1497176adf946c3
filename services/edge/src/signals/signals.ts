import type { VisibleEvent } from "@parley/dialects";
import { decodeVisible } from "@parley/dialects";
import { limits, type ConversationId, type PresenceFrame, type ReadMark } from "@parley/protocol";
import type { Outbox } from "../delivery/outbox.ts";
import type { Hub, HubViewer } from "../hub/hub.ts";
import { noteAgents } from "./agents.ts";
import { allMarks, isCrowd, takeMark } from "./marks.ts";
import { endTyping, expire, personOf, presenceOf, type Room } from "./room.ts";
import { createRooms, type Rooms, type RoomsDeps } from "./rooms.ts";
import { createTelling, type Telling } from "./telling.ts";

export interface SignalsDeps extends Pick<RoomsDeps, "signals" | "readMarks" | "people" | "lookUp" | "log"> {
  readonly outbox: Pick<Outbox, "sendFrame" | "isWritable">;
  /** Names of agents of which a worker has been heard; undefined: nobody knows. */
  readonly offered: () => Promise<readonly string[] | undefined>;
}

export type Signals = ReturnType<typeof createSignals>;

/** A process whose timers come later than this stood still. */
const stillMs = 3_000;

interface Offered {
  agents: ReadonlySet<string> | undefined;
}

/**
 * Who is there, who types and who has read on in rooms: what this edge knows of its own viewers, and what other edges have said of theirs. A conversation of one person has
 * no part in it, which costs it one question to memory when somebody begins to look on.
 */
export function createSignals(deps: SignalsDeps) {
  const telling = createTelling(deps.outbox);
  const offered: Offered = { agents: undefined };
  const tellAll = (room: Room): void => telling.tellAll(room, offered.agents);
  const lookAtAgents = async (): Promise<void> => {
    const names = await deps.offered().catch(() => undefined);
    if (names === undefined) return;
    offered.agents = new Set(names);
    for (const room of rooms.all()) room.tell.mark();
  };
  const rooms: Rooms = createRooms({ ...deps, tellAll, onOpen: () => void lookAtAgents() });

  return {
    edge: rooms.edge,
    offered: (): Offered["agents"] => offered.agents,
    ...createNews(rooms, telling),
    ...createWords(rooms, deps),
    sweep: createSweep(rooms, lookAtAgents),

    /** As this edge knows it; undefined: nobody looks at it here. */
    presenceIn(conversation: ConversationId): PresenceFrame | undefined {
      const room = rooms.get(conversation);
      return room && presenceOf(room, offered.agents);
    },

    /** How far members have read, for who gets the whole conversation; undefined: that is not told to all. */
    readsIn(conversation: ConversationId): ReadMark[] | undefined {
      const room = rooms.get(conversation);
      if (room === undefined || isCrowd(room.people) || room.marks.known.size === 0) return undefined;
      return allMarks(room.marks, room.people);
    },

    /** The connection to the broker is back: what was said meanwhile nobody has heard. */
    heardNothing(): void {
      for (const room of rooms.all()) {
        room.marks.asked.clear();
        room.say.mark();
        rooms.loadMarks(room);
      }
    },

    close(): void {
      for (const room of rooms.all()) rooms.shut(room);
    },
  };
}

/** What happens in hubs. */
function createNews(rooms: Rooms, telling: Telling) {
  return {
    /** Somebody began to look on, or does so no more. */
    viewersChanged(hub: Hub): void {
      const room = rooms.get(hub.conversation);
      if (room === undefined) return hub.viewers.size === 0 ? undefined : void rooms.look(hub);
      for (const viewer of room.typing.keys()) if (viewer.state === "gone") room.typing.delete(viewer);
      if (isCrowd(room.people)) rooms.loadMarks(room);
      room.say.mark();
      room.tell.mark();
    },

    /** Something was told in the conversation; of answers not each token. */
    news(hub: Hub, event: VisibleEvent): void {
      const room = rooms.get(hub.conversation);
      // The event may come before this process remembers what it tells of.
      if (room === undefined) return event.type === "member" ? void rooms.look(hub, true) : undefined;
      if (event.type === "member") void rooms.look(hub);
      if (noteAgents(room, event)) room.tell.mark();
      const author = authorOf(event);
      if (author === undefined || !endTyping(room, author)) return;
      room.say.mark();
      room.tell.mark();
    },

    /** A viewer has just become live. */
    tell(viewer: HubViewer): void {
      const room = rooms.get(viewer.source.conversation);
      if (room !== undefined) telling.tellViewer(room, viewer, performance.now());
    },
  };
}

/** What callers say. */
function createWords(rooms: Rooms, { signals }: Pick<SignalsDeps, "signals">) {
  return {
    /** Whoever looks on with this types, or no more. */
    typing(viewer: HubViewer, on: boolean): void {
      const room = rooms.get(viewer.source.conversation);
      const person = personOf(viewer);
      if (room === undefined || person === undefined) return;
      const known = room.typing.get(viewer);
      const untilMs = performance.now() + limits.typingMs;
      if (on && known !== undefined) {
        known.untilMs = untilMs;
        return;
      }
      if (on) room.typing.set(viewer, { person, untilMs });
      else if (!room.typing.delete(viewer)) return;
      room.say.mark();
      room.tell.mark();
    },

    /** Somebody has read on, and it is stored. */
    moved(conversation: ConversationId, mark: ReadMark): void {
      const room = rooms.get(conversation);
      if (room === undefined)
        return void signals.say(conversation, { edge: rooms.edge, present: [], typing: [], read: [mark] });
      if (!takeMark(room.marks, mark)) return;
      room.read.set(mark.user.id, mark);
      room.say.mark();
      room.tell.mark();
    },
  };
}

function createSweep(rooms: Rooms, lookAtAgents: () => Promise<void>) {
  let sweptMs = performance.now();

  /** Whether it is time to say everything again. */
  const sweepRoom = (room: Room, nowMs: number, stoodMs: number): boolean => {
    // What the others said meanwhile waits in the socket: it is read before anything is taken for expired.
    if (stoodMs > stillMs) for (const heard of room.others.values()) heard.atMs += stoodMs;
    const { here, others } = expire(room, nowMs);
    if (here || others) room.tell.mark();
    if (here) room.say.mark();
    const restedMs = room.say.restedMs(nowMs);
    // Not at once: who loads the page again comes and goes, and that is to be said once a second at most.
    if (room.isLeft && room.hub.viewers.size === 0 && restedMs >= limits.signalEveryMs) {
      rooms.shut(room);
      return false;
    }
    if (restedMs < limits.signalAgainMs) return false;
    room.say.mark();
    void rooms.look(room.hub);
    return true;
  };

  /** Once a second. */
  return (nowMs: number): void => {
    const stoodMs = nowMs - sweptMs;
    sweptMs = nowMs;
    let isDue = false;
    for (const room of rooms.all()) isDue = sweepRoom(room, nowMs, stoodMs) || isDue;
    if (isDue) void lookAtAgents();
  };
}

function authorOf(event: VisibleEvent): string | undefined {
  if (event.type !== "message" && event.type !== "post") return undefined;
  const decoded = decodeVisible(event);
  return decoded.type === "message" || decoded.type === "post" ? decoded.author.id : undefined;
}
