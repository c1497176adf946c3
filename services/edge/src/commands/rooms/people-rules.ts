import type { PeopleChange } from "@parley/bus";
import {
  ChatError,
  answerRuleOf,
  jsonBytes,
  limits,
  type Author,
  type Caller,
  type Member,
  type MemberChange,
  type MemberRole,
  type People,
  type Person,
  type RoomAgent,
} from "@parley/protocol";

/** What becomes of the people of a conversation: pure. Undefined: it is so already. */

/** Whoever wants it, and when. */
export interface Doing {
  readonly caller: Caller;
  readonly nowMs: number;
}

export interface NewMember {
  readonly user_id: string;
  readonly name?: string | undefined;
  readonly role: MemberRole;
  readonly with_role?: string | undefined;
}

function authorOf({ user: { id, name } }: Pick<Caller, "user">): Author {
  return { role: "user", ...personOf(id, name) };
}

export function personOf(id: string, name: string | undefined): Person {
  return { id, ...(name === undefined ? {} : { name }) };
}

/** The change, and what viewers are told of it. Throws CONFLICT where there is no room for it. */
export function memberChange(
  people: People,
  changed: readonly MemberChange[],
  { caller, before = people }: Doing & { readonly before?: People },
): PeopleChange {
  const named = withName(people, caller);
  if (named.members.length > limits.roomMembers)
    throw new ChatError("CONFLICT", {
      message: `There is no room for more members: a conversation has at most ${limits.roomMembers}.`,
    });
  checkSize(named);
  const by = authorOf(caller);
  const counts = { member_count: named.members.length + 1, answers: answerRuleOf(named), agents: named.agents };
  return { people: named, told: { type: "member", by, people: withOwner(named, changed, before), ...counts } };
}

/** Who looked on while the owner was alone knows nothing of a room: the first event says whose it is. So does the one that first knows the owner's name. */
function withOwner({ owner }: People, changed: readonly MemberChange[], before: People): MemberChange[] {
  const isKnown = before.members.length > 0 && before.owner.name === owner.name;
  const isTold = isKnown || changed.some(({ id, role }) => id === owner.id || role === "owner");
  return isTold ? [...changed] : [{ ...owner, role: "owner" }, ...changed];
}

/** All of them are one record. */
export function checkSize(people: People): void {
  if (jsonBytes(people) <= limits.peopleBytes) return;
  throw new ChatError("CONFLICT", {
    message: "There is no room for more members, invitations or names of agents in this conversation.",
  });
}

/** The owner's name is not known from the record of who began the conversation. */
export function withName(people: People, { user }: Caller): People {
  const { owner } = people;
  if (owner.id !== user.id || owner.name !== undefined || user.name === undefined) return people;
  return { ...people, owner: { ...owner, name: user.name } };
}

export function withMember(members: readonly Member[], member: Member): Member[] {
  const at = members.findIndex(({ id }) => id === member.id);
  return at < 0 ? [...members, member] : members.with(at, member);
}

export function changeOf({ id, name, role, with_role }: Member): MemberChange {
  return { ...personOf(id, name), role, ...(with_role === undefined ? {} : { with_role }) };
}

export function addMember(people: People, wish: NewMember, doing: Doing): PeopleChange | undefined {
  const { user_id: id, name, role, with_role } = wish;
  if (id === people.owner.id) return undefined;
  const before = people.members.find((one) => one.id === id);
  if (before?.role === role && before.with_role === with_role) return undefined;
  const kept = { ...personOf(id, before?.name ?? name), since: before?.since ?? doing.nowMs };
  const member = { ...kept, role, ...(with_role === undefined ? {} : { with_role }) };
  return memberChange({ ...people, members: withMember(people.members, member) }, [changeOf(member)], {
    ...doing,
    before: people,
  });
}

export function setRole(
  people: People,
  { user, role }: { readonly user: string; readonly role: MemberRole | "owner" },
  doing: Doing,
): PeopleChange | undefined {
  if (user === people.owner.id) {
    if (role === "owner") return undefined;
    throw ownerStays("The owner of a conversation has no other role: hand it over to another member first.");
  }
  const member = people.members.find(({ id }) => id === user);
  if (member === undefined) throw noMember();
  if (role !== "owner") {
    if (member.role === role) return undefined;
    const changed = { ...member, role };
    return memberChange({ ...people, members: withMember(people.members, changed) }, [changeOf(changed)], {
      ...doing,
      before: people,
    });
  }
  return handOver(withName(people, doing.caller), member, doing);
}

function handOver(people: People, member: Member, doing: Doing): PeopleChange {
  const before: Member = { ...people.owner, role: "writer", since: doing.nowMs };
  const owner = personOf(member.id, member.name);
  const members = [before, ...people.members.filter(({ id }) => id !== member.id)];
  return memberChange({ ...people, owner, members }, [{ ...owner, role: "owner" }, changeOf(before)], doing);
}

export function removeMember(people: People, user: string, doing: Doing): PeopleChange | undefined {
  if (user === people.owner.id)
    throw ownerStays("The owner cannot leave a conversation: hand it over to another member first, or delete it.");
  const member = people.members.find(({ id }) => id === user);
  if (member === undefined) return undefined;
  const members = people.members.filter(({ id }) => id !== user);
  return memberChange({ ...people, members }, [{ ...personOf(user, member.name), role: null }], {
    ...doing,
    before: people,
  });
}

export interface RoomSettings {
  /** Null: nobody has said. */
  readonly answers?: "always" | "mention" | "never" | null | undefined;
  readonly agents?: readonly RoomAgent[] | undefined;
  readonly keeps_history?: boolean | undefined;
}

/** Throws INVALID_FRAME where two agents would have one name. */
export function changeSettings(people: People, wish: RoomSettings, doing: Doing): PeopleChange | undefined {
  const agents = wish.agents ?? people.agents;
  const handles = new Set(agents.map(({ handle }) => handle));
  if (handles.size < agents.length)
    throw new ChatError("INVALID_FRAME", { message: "`agents`: two agents have one name." });
  const next = withSettings(people, { ...wish, agents });
  const isSame = next.answers === people.answers && next.keeps_history === people.keeps_history;
  return isSame && isSameAgents(agents, people.agents)
    ? undefined
    : memberChange(next, [], { ...doing, before: people });
}

function withSettings(people: People, { answers, agents = [], keeps_history }: RoomSettings): People {
  const { answers: before, keeps_history: kept = false, ...rest } = people;
  const rule = answers === undefined ? before : (answers ?? undefined);
  const keeps = keeps_history ?? kept;
  return {
    ...{ ...rest, agents: [...agents] },
    ...(rule === undefined ? {} : { answers: rule }),
    ...(keeps ? { keeps_history: keeps } : {}),
  };
}

function isSameAgents(some: readonly RoomAgent[], others: readonly RoomAgent[]): boolean {
  return JSON.stringify(some.map(pairOf)) === JSON.stringify(others.map(pairOf));
}

function pairOf({ handle, agent }: RoomAgent): readonly [string, string] {
  return [handle, agent];
}

/** Throws CONFLICT where too many are. */
export function pin(
  people: People,
  { message_id, on }: { readonly message_id: string; readonly on: boolean },
  { caller }: Doing,
): PeopleChange | undefined {
  if (people.pins.includes(message_id) === on) return undefined;
  const others = people.pins.filter((one) => one !== message_id);
  const pins = on ? [message_id, ...others] : others;
  if (pins.length > limits.roomPins)
    throw new ChatError("CONFLICT", {
      message: `At most ${limits.roomPins} messages of a conversation are pinned: let one go first.`,
    });
  return {
    people: { ...withName(people, caller), pins },
    told: { type: "pin", message_id, on, by: authorOf(caller), pins },
  };
}

function ownerStays(message: string): ChatError {
  return new ChatError("CONFLICT", { message });
}

function noMember(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such member in this conversation." });
}
