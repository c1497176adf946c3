import type { MessageChanges } from "./message-changes.ts";
import type { MemberChange, Member, Person, Room } from "./room.ts";
import type { ConversationEventFrame, SnapshotFrame } from "./server-frames.ts";
import type { PresenceFrame, ReadFrame, ReadMark, TypingFrame } from "./signals.ts";

/** What a view has of a conversation with more than one person: part of the fold in view.ts. */
export interface RoomView {
  /** Undefined: its owner alone has a part in it, as far as is known. */
  readonly room: Room | undefined;
  /** What became of messages, by their ids. */
  readonly changes: Readonly<Record<string, MessageChanges>>;
  /** How far members have read, by their ids. */
  readonly reads: Readonly<Record<string, ReadMark>>;
  readonly typing: readonly Person[];
  /** Undefined: nothing was said yet. */
  readonly presence: Pick<PresenceFrame, "users" | "online" | "agents"> | undefined;
}

type RoomFrame = Extract<
  ConversationEventFrame,
  { type: "member" | "pin" | "message_edited" | "message_deleted" | "reaction" }
>;

const roomTypes: ReadonlySet<string> = new Set<RoomFrame["type"]>([
  "member",
  "pin",
  "message_edited",
  "message_deleted",
  "reaction",
]);

export const noRoom: RoomView = { room: undefined, changes: {}, reads: {}, typing: [], presence: undefined };

export function isRoomFrame<Frame extends { readonly type: string }>(frame: Frame): frame is Extract<Frame, RoomFrame> {
  return roomTypes.has(frame.type);
}

/** What changes with one of its events. They are whole, or have a number: what is older than what is there changes nothing. */
export function foldRoomFrame(view: RoomView, frame: RoomFrame): Partial<RoomView> {
  switch (frame.type) {
    case "member":
      return { room: withPeople(view.room, frame) };
    case "pin":
      return frame.n <= (view.room?.n ?? 0)
        ? {}
        : { room: { ...(view.room ?? ofOne(frame)), n: frame.n, pins: frame.pins } };
    default:
      return { changes: withChanges(view.changes, [frame.stands]) };
  }
}

/** The view of a snapshot that has the transcript: it has all of this, too. */
export function roomOfSnapshot(view: RoomView, { room, changes = [], reads = [] }: SnapshotFrame): RoomView {
  return { ...view, room, changes: withChanges(view.changes, changes), reads: withReads(view.reads, reads) };
}

/** The view after a frame that is no event and moves no cursor. */
export function foldSignal<View extends RoomView>(view: View, frame: TypingFrame | PresenceFrame | ReadFrame): View {
  if (frame.type === "typing") return { ...view, typing: frame.users };
  if (frame.type === "read") return { ...view, reads: withReads(view.reads, frame.marks) };
  const { users, online, agents } = frame;
  return { ...view, presence: { users, online, agents } };
}

/** Before anybody else has a part in it only its owner pins. */
function ofOne({ by, n }: Extract<RoomFrame, { type: "pin" }>): Room {
  return { n, owner: { id: by?.id ?? "" }, members: [], member_count: 1, answers: "always", agents: [], pins: [] };
}

function withChanges(known: RoomView["changes"], told: readonly MessageChanges[]): RoomView["changes"] {
  const newer = told.filter((one) => one.n > (known[one.message_id]?.n ?? 0));
  if (newer.length === 0) return known;
  return { ...known, ...Object.fromEntries(newer.map((one) => [one.message_id, one])) };
}

/** Nobody reads backwards: of two marks of a user the later one counts. */
function withReads(known: RoomView["reads"], told: readonly ReadMark[]): RoomView["reads"] {
  const newer = told.filter(({ user, ts }) => ts >= (known[user.id]?.ts ?? 0));
  return newer.length === 0 ? known : { ...known, ...Object.fromEntries(newer.map((mark) => [mark.user.id, mark])) };
}

function withPeople(room: Room | undefined, event: Extract<RoomFrame, { type: "member" }>): Room | undefined {
  if (room !== undefined && event.n <= room.n) return room;
  const { n, people: changed, member_count, answers, agents, ts } = event;
  const owner = changed.find(({ role }) => role === "owner");
  let members: readonly Member[] = room?.members ?? [];
  for (const change of changed) members = withMember(members, change, ts);
  const people = { owner: owner ?? room?.owner ?? { id: "" }, members: members.toSorted(ownerFirst) };
  return { ...room, pins: room?.pins ?? [], ...people, n, member_count, answers, agents };
}

function withMember(members: readonly Member[], { role, ...person }: MemberChange, ts: number): readonly Member[] {
  const at = members.findIndex(({ id }) => id === person.id);
  if (role === null) return members.filter(({ id }) => id !== person.id);
  const before = members[at];
  if (before === undefined) return [...members, { ...person, role, since: ts }];
  return members.with(at, { ...before, ...person, role });
}

function ownerFirst(one: Member, other: Member): number {
  return Number(other.role === "owner") - Number(one.role === "owner");
}
