import { createHash, randomBytes } from "node:crypto";
import type { PeopleChange } from "@parley/bus";
import {
  ChatError,
  ConversationId,
  limits,
  type Caller,
  type Invite,
  type Member,
  type MemberChange,
  type MemberRole,
  type People,
  type StoredInvite,
} from "@parley/protocol";
import { changeOf, checkSize, memberChange, personOf, withMember, withName, type Doing } from "./people-rules.ts";

/** Invitations: pure but for what is made up. A link is `<conversation>.<secret>`; what is kept of the secret is its hash. */

const secretBytes = 16;

export interface InviteWish {
  readonly role: MemberRole;
  readonly expires_in_ms?: number | undefined;
  readonly uses?: number | undefined;
  readonly for_role?: string | undefined;
}

export interface MadeInvite {
  readonly stored: StoredInvite;
  /** Told once. Undefined: it is for a role, and there is no link. */
  readonly token: string | undefined;
}

export function makeInvite(conversation: ConversationId, wish: InviteWish, { caller, nowMs }: Doing): MadeInvite {
  const { role, expires_in_ms = limits.roomInviteMs, uses, for_role } = wish;
  const stored = {
    invite_id: randomBytes(9).toString("base64url"),
    role,
    ...(for_role === undefined ? {} : { for_role }),
    expires_at: Math.floor(nowMs + Math.min(expires_in_ms, limits.roomInviteMs)),
    ...(uses === undefined ? {} : { uses_left: uses }),
    by: personOf(caller.user.id, caller.user.name),
  };
  if (for_role !== undefined) return { stored, token: undefined };
  const secret = randomBytes(secretBytes).toString("base64url");
  return { stored: { ...stored, hash: hashOf(secret) }, token: `${conversation}.${secret}` };
}

/** Undefined: it is none. */
export function readToken(token: string): { readonly conversation: ConversationId; readonly hash: string } | undefined {
  const at = token.indexOf(".");
  const conversation = ConversationId.safeParse(token.slice(0, Math.max(0, at))).data;
  return conversation === undefined ? undefined : { conversation, hash: hashOf(token.slice(at + 1)) };
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}

/** As its conversation's owner sees it. */
export function shownInvite({ hash: _hash, ...invite }: StoredInvite): Invite {
  return invite;
}

export function isOpen({ expires_at, uses_left = 1 }: StoredInvite, nowMs: number): boolean {
  return expires_at > nowMs && uses_left > 0;
}

/** Throws CONFLICT where there are too many. Nobody is told but who asked. */
export function addInvite(people: People, invite: StoredInvite, { caller, nowMs }: Doing): PeopleChange {
  const open = people.invites.filter((one) => isOpen(one, nowMs));
  if (open.length >= limits.roomInvites)
    throw new ChatError("CONFLICT", {
      message: `A conversation has at most ${limits.roomInvites} invitations: take one back first.`,
    });
  const changed = { ...withName(people, caller), invites: [...open, invite] };
  checkSize(changed);
  return { people: changed };
}

export function revokeInvite(people: People, id: string): PeopleChange | undefined {
  const invites = people.invites.filter(({ invite_id }) => invite_id !== id);
  return invites.length === people.invites.length ? undefined : { people: { ...people, invites } };
}

/** Somebody who takes an invitation: the one with this hash, or any for a role that they have. */
export interface Joining {
  readonly caller: Caller;
  readonly hash: string | undefined;
}

export interface Joined {
  readonly role: MemberRole | "owner";
  /** They were no member, or had less. */
  readonly isNew: boolean;
}

export type JoinOutcome = Joined | ChatError;

interface Taken {
  readonly people: People;
  readonly outcome: JoinOutcome;
  readonly changed?: MemberChange;
}

/** Some at once, each behind the one before: so a link with three uses is used three times. Of each what became of it, in their order. */
export function joinAll(
  people: People,
  joins: readonly Joining[],
  nowMs: number,
): { readonly change: PeopleChange | undefined; readonly outcomes: readonly JoinOutcome[] } {
  let now = people;
  const changed: MemberChange[] = [];
  const outcomes = joins.map((join) => {
    const taken = takeInvite(now, join, nowMs);
    now = taken.people;
    if (taken.changed !== undefined) changed.push(taken.changed);
    return taken.outcome;
  });
  const [first] = joins;
  if (changed.length === 0 || first === undefined) return { change: undefined, outcomes };
  const change = memberChange(now, changed, { caller: first.caller, nowMs, before: people });
  // Those who came did it themselves: one of them alone is named as who did it.
  const { told } = change;
  if (changed.length === 1 || told === undefined) return { change, outcomes };
  const { by: _by, ...ofAll } = told;
  return { change: { ...change, told: ofAll.type === "member" ? ofAll : told }, outcomes };
}

function takeInvite(people: People, join: Joining, nowMs: number): Taken {
  const { caller } = join;
  if (people.tenant !== caller.tenant) return { people, outcome: noInvite() };
  if (people.owner.id === caller.user.id) return { people, outcome: { role: "owner", isNew: false } };
  const before = people.members.find(({ id }) => id === caller.user.id);
  const holds = before !== undefined && (before.with_role === undefined || caller.roles.includes(before.with_role));
  const invite = inviteFor(people, join, nowMs);
  if (holds && (invite === undefined || !givesMore(before, invite)))
    return { people, outcome: { role: roleOf(before), isNew: false } };
  if (invite === undefined) return { people, outcome: noInvite() };
  if (before === undefined && people.members.length >= limits.roomMembers) return { people, outcome: full() };
  return taken(people, { invite, before, caller, nowMs });
}

function taken(
  people: People,
  by: {
    readonly invite: StoredInvite;
    readonly before: Member | undefined;
    readonly caller: Caller;
    readonly nowMs: number;
  },
): Taken {
  const { invite, before, caller, nowMs } = by;
  const { id, name } = caller.user;
  const kept = { ...personOf(id, before?.name ?? name), since: before?.since ?? nowMs };
  const role = invite.role === "writer" ? "writer" : "reader";
  const member: Member = { ...kept, role, ...(invite.for_role === undefined ? {} : { with_role: invite.for_role }) };
  const invites = people.invites.flatMap((one) => (one === invite ? used(one) : [one]));
  return {
    people: { ...people, members: withMember(people.members, member), invites },
    outcome: { role, isNew: true },
    changed: changeOf(member),
  };
}

/** Those of which nothing is left go. */
function used(invite: StoredInvite): StoredInvite[] {
  if (invite.uses_left === undefined) return [invite];
  return invite.uses_left <= 1 ? [] : [{ ...invite, uses_left: invite.uses_left - 1 }];
}

function inviteFor({ invites }: People, { caller, hash }: Joining, nowMs: number): StoredInvite | undefined {
  const open = invites.filter((one) => isOpen(one, nowMs));
  if (hash !== undefined) return open.find((one) => one.hash === hash);
  const own = open.filter(({ for_role }) => for_role !== undefined && caller.roles.includes(for_role));
  return own.find(({ role }) => role === "writer") ?? own[0];
}

function givesMore(before: Member, { role, for_role }: StoredInvite): boolean {
  if (roleOf(before) === "reader" && role === "writer") return true;
  // A link is without condition.
  return before.with_role !== undefined && for_role === undefined && (role === "writer" || roleOf(before) === "reader");
}

function roleOf({ role }: Member): MemberRole {
  return role === "writer" ? "writer" : "reader";
}

/** The same for a link of another tenant, one that has run out, and one that never was. */
export function noInvite(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such invitation, or not any more." });
}

function full(): ChatError {
  return new ChatError("CONFLICT", { message: "There is no room for more members in this conversation." });
}
