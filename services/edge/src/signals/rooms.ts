import { randomUUID } from "node:crypto";
import type { Bus } from "@parley/bus";
import { limits, type ConversationId, type EdgeSignal, type People } from "@parley/protocol";
import { createGate, type Logger } from "@parley/runtime";
import type { Hub } from "../hub/hub.ts";
import { noteAgents } from "./agents.ts";
import { createMarks, readersIn, takeMark } from "./marks.ts";
import { createPace } from "./pace.ts";
import { personOf, signalOf, type Room } from "./room.ts";

/** Who has a part in a conversation; undefined: its owner alone. */
type PeopleOf = (conversation: ConversationId) => Promise<People | undefined>;

export interface RoomsDeps {
  /** As this process remembers it. */
  readonly people: PeopleOf;
  /** By what is stored now. */
  readonly lookUp: PeopleOf;
  readonly signals: Bus["signals"];
  readonly readMarks: Pick<Bus["readMarks"], "of">;
  /** Tells viewers how things stand. */
  readonly tellAll: (room: Room) => void;
  readonly onOpen: () => void;
  readonly log: Logger;
}

interface Context extends RoomsDeps {
  /** By which others know this process. */
  readonly edge: string;
  readonly rooms: Map<ConversationId, Room>;
  /** Of marks that are looked up. */
  readonly gate: ReturnType<typeof createGate>;
}

export type Rooms = ReturnType<typeof createRooms>;

const lookUpsAtOnce = 16;

/** The rooms that somebody looks at here: each listens to other edges for as long. */
export function createRooms(deps: RoomsDeps) {
  const rooms = new Map<ConversationId, Room>();
  const context: Context = { ...deps, edge: randomUUID(), rooms, gate: createGate(lookUpsAtOnce) };
  const { edge } = context;

  return {
    edge,
    all: (): Iterable<Room> => rooms.values(),
    get: (conversation: ConversationId): Room | undefined => rooms.get(conversation),

    /** Whether it is a room, and who has a part in it; `isNew`: this process may not remember yet what it was just told. Never rejects. */
    look: (hub: Hub, isNew = false): Promise<void> =>
      look(context, hub, isNew).catch((err: unknown) =>
        deps.log.debug({ err, conversation: hub.conversation }, "it is not known yet who has a part in a conversation"),
      ),

    loadMarks: (room: Room): void => loadMarks(context, room),

    shut: (room: Room): void => shut(context, room),
  };
}

async function look(context: Context, hub: Hub, isNew: boolean): Promise<void> {
  const { rooms } = context;
  const people = await (isNew ? context.lookUp : context.people)(hub.conversation);
  const room = rooms.get(hub.conversation);
  if (people === undefined || people.members.length === 0) {
    if (room !== undefined) shut(context, room);
  } else if (room !== undefined) {
    // Of whoever is no member any more nothing is told.
    if (room.people !== people) room.marks.version++;
    room.people = people;
    loadMarks(context, room);
  } else if (hub.viewers.size > 0) open(context, hub, people);
}

function open(context: Context, hub: Hub, people: People): void {
  const { rooms, signals, tellAll } = context;
  const room: Room = {
    ...{ hub, people, others: new Map(), typing: new Map(), agents: new Map(), read: new Map(), marks: createMarks() },
    ...{ presence: undefined, typingTold: undefined, isLeft: false },
    say: createPace(limits.signalEveryMs, () => say(context, room)),
    tell: createPace(limits.signalEveryMs, () => tellAll(room)),
    stopListening: signals.listen(hub.conversation, (signal) => hear(context, room, signal)),
  };
  rooms.set(hub.conversation, room);
  for (const event of hub.ring.events) noteAgents(room, event);
  loadMarks(context, room);
  room.say.mark();
  room.tell.mark();
  context.onOpen();
}

function shut({ rooms, signals, edge }: Context, room: Room): void {
  const { conversation } = room.hub;
  rooms.delete(conversation);
  for (const stop of [room.stopListening, room.say.stop, room.tell.stop]) stop();
  if (!room.isLeft) signals.say(conversation, { edge, present: [], typing: [] });
}

function say({ signals, edge }: Context, room: Room): void {
  const { hub, read } = room;
  const isSaid = signals.say(hub.conversation, signalOf(room, edge));
  room.isLeft = isSaid && hub.viewers.size === 0;
  if (isSaid) read.clear();
}

function hear({ edge }: Context, room: Room, signal: EdgeSignal): void {
  if (signal.edge === edge) return;
  if (signal.asks === true) return room.say.mark();
  for (const mark of signal.read ?? []) takeMark(room.marks, mark);
  const isGone = signal.present.length === 0 && signal.typing.length === 0;
  // One that has just come knows nothing of us.
  if (!isGone && !room.others.has(signal.edge)) room.say.mark();
  if (isGone) room.others.delete(signal.edge);
  else room.others.set(signal.edge, { signal, atMs: performance.now() });
  room.tell.mark();
}

/** Marks that were set before anybody looked on here, once for each user. */
function loadMarks({ readMarks, gate, log }: Context, { hub, people, marks, tell }: Room): void {
  if (people.has.marks !== true) return;
  const present = [...hub.viewers].flatMap((viewer) => personOf(viewer)?.id ?? []);
  for (const user of readersIn(people, present)) {
    if (marks.asked.has(user)) continue;
    marks.asked.add(user);
    const ask = async (): Promise<void> => {
      const mark = (await readMarks.of(hub.conversation, user))?.mark;
      if (mark !== undefined && takeMark(marks, mark)) tell.mark();
    };
    gate(ask).catch((err: unknown) => {
      log.debug({ err }, "how far somebody has read is not known yet");
      marks.asked.delete(user);
    });
  }
}
