import { decodeVisible, type VisibleEvent } from "@parley/dialects";
import {
  answerRuleOf,
  foldRoomFrame,
  limits,
  noRoom,
  standingAmong,
  type Caller,
  type Member,
  type People,
  type Room,
  type SnapshotFrame,
  type StandingAmong,
} from "@parley/protocol";

/** The people of a conversation, with the number of their record. */
export interface Peopled {
  readonly n: number;
  readonly people: People;
}

/** Its owner, then its members as they came. */
export function membersOf({ owner, members }: Pick<People, "owner" | "members">): Member[] {
  return [{ ...owner, role: "owner", since: 0 }, ...members];
}

/** A room as frames show it. */
export function shownRoom({ n, people }: Peopled): Room {
  const { owner, members, agents, pins } = people;
  const shown = membersOf(people).slice(0, limits.roomMembersShown);
  return { n, owner, members: shown, member_count: members.length + 1, answers: answerRuleOf(people), agents, pins };
}

/** For one who reads it. */
export function roomFor(room: Room, people: People, caller: Caller | undefined): Room {
  const you = caller === undefined ? "none" : standingAmong(people, caller);
  return you === "none" ? room : { ...room, you };
}

/** With what events say that came since the record was read. */
export function roomAsOf(read: Room | undefined, events: readonly VisibleEvent[], seq: number): Room | undefined {
  let room = read;
  for (const event of events) {
    if (room === undefined) return undefined;
    if (event.seq > seq || !isOfRoom(event)) continue;
    const decoded = decodeVisible(event);
    if (decoded.type === "member" || decoded.type === "pin")
      room = foldRoomFrame({ ...noRoom, room }, { ...decoded, seq }).room ?? room;
  }
  return room && { ...room, members: room.members.slice(0, limits.roomMembersShown) };
}

/** The highest number that events say; 0: they say nothing of people. */
export function roomNumberIn(events: readonly VisibleEvent[]): number {
  const last = events.findLast(isOfRoom);
  const decoded = last === undefined ? undefined : decodeVisible(last);
  return decoded?.type === "member" || decoded?.type === "pin" ? decoded.n : 0;
}

function isOfRoom({ type }: VisibleEvent): boolean {
  return type === "member" || type === "pin";
}

export type RoomFrames = (frame: SnapshotFrame, caller: Caller | undefined) => SnapshotFrame;

/** A snapshot with as what its reader stands in the room; made once for each standing. */
export function createRoomFrames(people: People | undefined): RoomFrames {
  const made = new WeakMap<SnapshotFrame, Map<StandingAmong, SnapshotFrame>>();
  return (frame, caller) => {
    const { room } = frame;
    if (room === undefined || people === undefined || caller === undefined) return frame;
    const standing = standingAmong(people, caller);
    const ofStandings = made.get(frame) ?? new Map<StandingAmong, SnapshotFrame>();
    made.set(frame, ofStandings);
    const own = ofStandings.get(standing) ?? { ...frame, room: roomFor(room, people, caller) };
    ofStandings.set(standing, own);
    return own;
  };
}
