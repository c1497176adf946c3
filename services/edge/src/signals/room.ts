import {
  jsonBytes,
  limits,
  type EdgeSignal,
  type People,
  type Person,
  type PresenceFrame,
  type ReadMark,
  type TypingFrame,
} from "@parley/protocol";
import type { Hub, HubViewer } from "../hub/hub.ts";
import { agentStates } from "./agents.ts";
import type { Marks } from "./marks.ts";
import type { Pace } from "./pace.ts";

/** What another edge has said. */
export interface Heard {
  signal: EdgeSignal;
  /** When it was heard (a `performance.now`): clocks of others say nothing. */
  atMs: number;
}

export interface Typist {
  readonly person: Person;
  untilMs: number;
}

/** A conversation of several people that somebody looks at here. */
export interface Room {
  readonly hub: Hub;
  people: People;
  readonly others: Map<string, Heard>;
  /** Those who type here, by what they look on with: whoever is gone types no more. */
  readonly typing: Map<HubViewer, Typist>;
  /** Agents of turns that run, where events have told which. */
  readonly agents: Map<string, string>;
  /** Marks that other edges have not heard of yet, by user. */
  readonly read: Map<string, ReadMark>;
  readonly marks: Marks;
  /** What viewers here were told last, or are about to be. */
  presence: PresenceFrame | undefined;
  typingTold: TypingFrame | undefined;
  /** The others have heard that nobody is here any more. */
  isLeft: boolean;
  /** Says to other edges how things stand here. */
  readonly say: Pace;
  /** Tells viewers here how things stand. */
  readonly tell: Pace;
  readonly stopListening: () => void;
}

/** The user of a viewer, as others see them. */
export function personOf({ outlet: { caller } }: HubViewer): Person | undefined {
  return caller && nameOf(caller.user);
}

/** As others see them. */
export function nameOf({ id, name }: { readonly id: string; readonly name?: string | undefined }): Person {
  return name === undefined ? { id } : { id, name: Array.from(name).slice(0, shownNameChars).join("") };
}

/** A token may say a name of any length. */
const shownNameChars = 100;

/** Each once, however many devices and edges say so. In a steady order, so that the same people make the same frame. */
function distinct(people: Iterable<Person>): Person[] {
  const byId = new Map<string, Person>();
  for (const person of people) {
    const known = byId.get(person.id);
    if (known?.name === undefined) byId.set(person.id, person);
  }
  return [...byId.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

function presentHere({ hub }: Room): Person[] {
  return distinct([...hub.viewers].flatMap((viewer) => personOf(viewer) ?? []));
}

function typingHere({ typing }: Room): Person[] {
  return distinct([...typing.values()].map(({ person }) => person));
}

/** What this edge says of the room: all of it, as far as there is room. */
export function signalOf(room: Room, edge: string): EdgeSignal {
  const read = [...room.read.values()];
  const signal: EdgeSignal = {
    edge,
    present: presentHere(room),
    typing: typingHere(room).slice(0, limits.roomMembersShown),
  };
  const whole = read.length === 0 ? signal : { ...signal, read };
  if (jsonBytes(whole) <= limits.signalBytes) return whole;
  const nameless = { ...whole, present: whole.present.map(({ id }) => ({ id })), typing: [], read: [] };
  let { length } = nameless.present;
  while (length > 0 && jsonBytes({ ...nameless, present: nameless.present.slice(0, length) }) > limits.signalBytes)
    length = Math.floor(length / 2);
  return { ...nameless, present: nameless.present.slice(0, length) };
}

/** Who looks on, on whichever edge. Above `roomMembersShown` the number alone. `offered`: agents of which a worker has been heard; undefined: nobody knows. */
export function presenceOf(room: Room, offered: ReadonlySet<string> | undefined): PresenceFrame {
  const present = presentHere(room);
  const said = [...room.others.values()].map(({ signal }) => signal);
  return {
    type: "presence",
    conversation_id: room.hub.conversation,
    ...presenceAmong([{ present }, ...said]),
    agents: agentStates(room, offered),
  };
}

export function presenceAmong(said: readonly Pick<EdgeSignal, "present">[]): Pick<PresenceFrame, "users" | "online"> {
  const users = distinct(said.flatMap(({ present }) => present));
  return { users: users.length > limits.roomMembersShown ? [] : users, online: users.length };
}

export function typingOf(room: Room): TypingFrame {
  const said = [...room.others.values()].flatMap(({ signal }) => signal.typing);
  const users = distinct([...typingHere(room), ...said]).slice(0, limits.roomMembersShown);
  return { type: "typing", conversation_id: room.hub.conversation, users };
}

/** They have said what they typed. */
export function endTyping(room: Room, userId: string): boolean {
  let isChanged = false;
  for (const [viewer, { person }] of room.typing) {
    if (person.id === userId) isChanged = room.typing.delete(viewer) || isChanged;
  }
  for (const heard of room.others.values()) {
    const { typing } = heard.signal;
    if (!typing.some(({ id }) => id === userId)) continue;
    heard.signal = { ...heard.signal, typing: typing.filter(({ id }) => id !== userId) };
    isChanged = true;
  }
  return isChanged;
}

/** What was not said again for too long is so no more. Returns what has changed. */
export function expire(room: Room, nowMs: number): { readonly here: boolean; readonly others: boolean } {
  let [here, others] = [false, false];
  for (const [viewer, { untilMs }] of room.typing) {
    if (untilMs <= nowMs || viewer.state === "gone") here = room.typing.delete(viewer) || here;
  }
  for (const [edge, { atMs }] of room.others) {
    if (nowMs - atMs > limits.signalMs) others = room.others.delete(edge) || others;
  }
  return { here, others };
}
