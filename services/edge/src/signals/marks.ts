import { limits, type ConversationId, type People, type ReadFrame, type ReadMark } from "@parley/protocol";

/** How far the members of a room have read, as this edge knows it. */
export interface Marks {
  /** Counts the changes. */
  version: number;
  /** By user, with the change that made it so. */
  readonly known: Map<string, { readonly mark: ReadMark; readonly version: number }>;
  /** Users whose marks were looked up. */
  readonly asked: Set<string>;
  /** All of them, as of this version. */
  all: { readonly version: number; readonly marks: ReadMark[] };
  /** Made for those who have all up to a version, as of this one. */
  frames: { readonly version: number; readonly since: Map<number, ReadFrame> };
}

export function createMarks(): Marks {
  return {
    version: 0,
    known: new Map(),
    asked: new Set(),
    all: { version: 0, marks: [] },
    frames: { version: 0, since: new Map() },
  };
}

/** A mark of a user has a later time than all before it: see `move` of the bus. Returns whether it is news. */
export function takeMark(marks: Marks, mark: ReadMark): boolean {
  const known = marks.known.get(mark.user.id);
  if (known !== undefined && known.mark.ts >= mark.ts) return false;
  marks.known.set(mark.user.id, { mark, version: ++marks.version });
  return true;
}

/** In rooms with more members only one's own marks are told. */
export function isCrowd({ members }: Pick<People, "members">): boolean {
  return members.length + 1 > limits.roomMembersShown;
}

/** Whose marks this edge has to know. */
export function readersIn(people: People, present: readonly string[]): string[] {
  return isCrowd(people) ? [...present] : [people.owner.id, ...people.members.map(({ id }) => id)];
}

/** Those of members; the same list as long as nobody has read on. */
export function allMarks(marks: Marks, people: People): ReadMark[] {
  if (marks.all.version !== marks.version)
    marks.all = { version: marks.version, marks: membersMarks(marks, people, 0) };
  return marks.all.marks;
}

function membersMarks({ known }: Marks, people: People, since: number): ReadMark[] {
  const members = new Set([people.owner.id, ...people.members.map(({ id }) => id)]);
  return [...known.values()]
    .filter(({ mark, version }) => version > since && members.has(mark.user.id))
    .map(({ mark }) => mark);
}

interface Asker {
  readonly conversation: ConversationId;
  readonly people: People;
  readonly userId: string | undefined;
  /** Up to which version they have all. */
  readonly since: number;
}

/** What somebody lacks; undefined: nothing. Made once for all who lack the same. */
export function readFrameFor(marks: Marks, { conversation, people, userId, since }: Asker): ReadFrame | undefined {
  if (since >= marks.version) return undefined;
  if (isCrowd(people)) {
    const own = marks.known.get(userId ?? "");
    return own === undefined || own.version <= since ? undefined : frameOf(conversation, [own.mark]);
  }
  if (marks.frames.version !== marks.version) marks.frames = { version: marks.version, since: new Map() };
  const { since: made } = marks.frames;
  let frame = made.get(since);
  if (frame === undefined) {
    frame = frameOf(conversation, membersMarks(marks, people, since));
    made.set(since, frame);
  }
  return frame.marks.length === 0 ? undefined : frame;
}

function frameOf(conversation_id: ConversationId, marks: ReadMark[]): ReadFrame {
  return { type: "read", conversation_id, marks };
}
