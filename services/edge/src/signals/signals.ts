import { randomUUID } from "node:crypto";
import type { RoomSignals } from "@parley/bus";
import type { VisibleEvent } from "@parley/dialects";
import { decodeVisible } from "@parley/dialects";
import { limits, type ConversationId, type EdgeSignal, type People } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Outbox } from "../delivery/outbox.ts";
import type { Hub, HubViewer } from "../hub/hub.ts";
import { noteAgents } from "./agents.ts";
import { createPace } from "./pace.ts";
import { endTyping, expire, personOf, signalOf, type Room } from "./room.ts";
import { createTelling } from "./telling.ts";

export interface SignalsDeps {
  readonly signals: RoomSignals;
  readonly outbox: Pick<Outbox, "sendFrame" | "isWritable">;
  /** Names of agents of which a worker has been heard; undefined: nobody knows. */
  readonly offered: () => Promise<readonly string[] | undefined>;
  readonly log: Logger;
}

/** Who has a part in a conversation; undefined: its owner alone. */
type PeopleOf = (conversation: ConversationId) => Promise<People | undefined>;

export interface PeopleSource {
  /** As this process remembers it. */
  readonly people: PeopleOf;
  /** By what is stored now. */
  readonly lookUp: PeopleOf;
}

export type Signals = ReturnType<typeof createSignals>;

/** A process whose timers come later than this stood still. */
const stillMs = 3_000;

/**
 * Who is there and who types in rooms: what this edge knows of its own viewers, and what other edges have said of theirs. Nothing of it is stored; a conversation of one person has
 * no part in it, which costs it one question to memory when somebody begins to look on.
 */
export function createSignals(deps: SignalsDeps) {
  const edge = randomUUID();
  const rooms = new Map<Hub, Room>();
  const telling = createTelling(deps.outbox);
  let offered: ReadonlySet<string> | undefined;
  let source: PeopleSource | undefined;
  let sweptMs = performance.now();

  const say = (room: Room): void => {
    deps.signals.say(room.hub.conversation, signalOf(room, edge));
    room.read.clear();
    room.isLeft = room.hub.viewers.size === 0;
  };
  const hear = (room: Room, signal: EdgeSignal): void => {
    if (signal.edge === edge) return;
    if (signal.asks === true) return room.say.mark();
    const isGone = signal.present.length === 0 && signal.typing.length === 0;
    // One that has just come knows nothing of us.
    if (!isGone && !room.others.has(signal.edge)) room.say.mark();
    if (isGone) room.others.delete(signal.edge);
    else room.others.set(signal.edge, { signal, atMs: performance.now() });
    room.tell.mark();
  };
  const open = (hub: Hub, people: People): void => {
    const room: Room = {
      ...{ hub, people, others: new Map(), typing: new Map(), agents: new Map(), read: new Map() },
      ...{ presence: undefined, typingTold: undefined, isLeft: false },
      say: createPace(limits.signalEveryMs, () => say(room)),
      tell: createPace(limits.signalEveryMs, () => telling.tellAll(room, offered)),
      stopListening: deps.signals.listen(hub.conversation, (signal) => hear(room, signal)),
    };
    rooms.set(hub, room);
    for (const event of hub.ring.events) noteAgents(room, event);
    room.say.mark();
    room.tell.mark();
    if (rooms.size === 1) void lookAtAgents();
  };
  const shut = (room: Room): void => {
    rooms.delete(room.hub);
    for (const stop of [room.stopListening, room.say.stop, room.tell.stop]) stop();
    if (!room.isLeft) deps.signals.say(room.hub.conversation, { edge, present: [], typing: [] });
  };
  const lookAtAgents = async (): Promise<void> => {
    const names = await deps.offered().catch(() => undefined);
    if (names === undefined) return;
    offered = new Set(names);
    for (const room of rooms.values()) room.tell.mark();
  };
  const look = async (hub: Hub, isNew = false): Promise<void> => {
    const people = await (isNew ? source?.lookUp : source?.people)?.(hub.conversation);
    const room = rooms.get(hub);
    const isRoom = people !== undefined && people.members.length > 0;
    if (room === undefined) {
      if (isRoom && hub.viewers.size > 0) open(hub, people);
    } else if (isRoom) room.people = people;
    else shut(room);
  };
  const lookLogged = (hub: Hub, isNew = false): void =>
    void look(hub, isNew).catch((err: unknown) =>
      deps.log.debug({ err, conversation: hub.conversation }, "it is not known yet who has a part in a conversation"),
    );

  return {
    edge,

    /** To be called before anybody looks on. */
    begin(of: PeopleSource): void {
      source = of;
    },

    /** Somebody began to look on, or does so no more. */
    viewersChanged(hub: Hub): void {
      const room = rooms.get(hub);
      if (room === undefined) return hub.viewers.size === 0 ? undefined : lookLogged(hub);
      for (const viewer of room.typing.keys()) if (viewer.state === "gone") room.typing.delete(viewer);
      room.say.mark();
      room.tell.mark();
    },

    /** Something was told in the conversation; of answers not each token. */
    news(hub: Hub, event: VisibleEvent): void {
      const room = rooms.get(hub);
      // The event may come before this process remembers what it tells of.
      if (room === undefined) return event.type === "member" ? lookLogged(hub, true) : undefined;
      if (noteAgents(room, event)) room.tell.mark();
      const author = authorOf(event);
      if (author === undefined || !endTyping(room, author)) return;
      room.say.mark();
      room.tell.mark();
    },

    /** A viewer has just become live. */
    tell(viewer: HubViewer): void {
      const room = rooms.get(viewer.source);
      if (room !== undefined) telling.tellViewer(room, viewer, performance.now());
    },

    /** Whoever looks on with this types, or no more. */
    typing(viewer: HubViewer, on: boolean): void {
      const room = rooms.get(viewer.source);
      const person = personOf(viewer);
      if (room === undefined || person === undefined) return;
      const known = room.typing.get(viewer);
      const untilMs = performance.now() + limits.typingMs;
      if (on && known !== undefined) known.untilMs = untilMs;
      else if (on) room.typing.set(viewer, { person, untilMs });
      else if (!room.typing.delete(viewer)) return;
      if (on && known !== undefined) return;
      room.say.mark();
      room.tell.mark();
    },

    /** The connection to the broker is back: what was said meanwhile nobody has heard. */
    sayAll(): void {
      for (const room of rooms.values()) room.say.mark();
    },

    /** Once a second. */
    sweep(nowMs: number): void {
      const stoodMs = nowMs - sweptMs;
      sweptMs = nowMs;
      let isDue = false;
      for (const room of rooms.values()) {
        // What the others said meanwhile waits in the socket: it is read before anything is taken for expired.
        if (stoodMs > stillMs) for (const heard of room.others.values()) heard.atMs += stoodMs;
        const { here, others } = expire(room, nowMs);
        if (here || others) room.tell.mark();
        if (here) room.say.mark();
        // Not at once: who loads the page again comes and goes, and that is to be said once a second at most.
        if (room.isLeft && room.hub.viewers.size === 0 && room.say.restedMs(nowMs) >= limits.signalEveryMs) shut(room);
        else if (room.say.restedMs(nowMs) >= limits.signalAgainMs) {
          isDue = true;
          room.say.mark();
          lookLogged(room.hub);
        }
      }
      if (isDue) void lookAtAgents();
    },

    close(): void {
      for (const room of rooms.values()) shut(room);
    },
  };
}

function authorOf(event: VisibleEvent): string | undefined {
  if (event.type !== "message" && event.type !== "post") return undefined;
  const decoded = decodeVisible(event);
  return decoded.type === "message" || decoded.type === "post" ? decoded.author.id : undefined;
}
