import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Bus, Owner, PeopleChange } from "@parley/bus";
import {
  ChatError,
  demand,
  standingAmong,
  type Caller,
  type ConversationId,
  type May,
  type MemberRole,
  type People,
  type PeopleRecord,
  type Standing,
} from "@parley/protocol";
import { wasDeleted, type FindMessage } from "../changes/found-message.ts";
import type { RoomFigures } from "../../figures/room-figures.ts";
import {
  addInvite,
  makeInvite,
  noInvite,
  readToken,
  revokeInvite,
  type InviteWish,
  type Joined,
  type Joining,
} from "./invite-rules.ts";
import { createJoining } from "./joining.ts";
import {
  addMember,
  changeSettings,
  pin,
  removeMember,
  setRole,
  type Doing,
  type NewMember,
  type RoomSettings,
} from "./people-rules.ts";

export interface RoomDeps {
  readonly bus: Pick<Bus, "people" | "audit" | "changes">;
  readonly findFor: (caller: Caller) => FindMessage;
  /** What this process knows of conversations. */
  readonly known: {
    readonly lookUp: (
      conversation: ConversationId,
    ) => Promise<{ readonly owner: Owner; readonly people: People | undefined; readonly n: number } | undefined>;
    readonly stored: (record: PeopleRecord) => void;
  };
  /** As what somebody reads it. Throws FORBIDDEN, and NOT_FOUND where it is nobody's. */
  readonly ownership: {
    readonly reader: (conversation: ConversationId, caller: Caller) => Promise<Standing>;
    readonly check: (conversation: ConversationId, caller: Caller, action: "conversation:pin") => Promise<void>;
  };
  readonly may: May;
  readonly lists: MemberLists;
  readonly figures: RoomFigures;
}

/** What becomes of members' lists of conversations; neither waits for anything. */
export interface MemberLists {
  readonly joined: (users: readonly string[], conversation: ConversationId) => void;
  readonly left: (user: string, conversation: ConversationId) => void;
}

/** How the people of a conversation stand, for one of them. */
export interface RoomRead {
  readonly people: People;
  /** Of the record; 0: there is none, and its owner is alone. */
  readonly n: number;
  readonly standing: string;
}

/** What people do about who has a part in a conversation (docs/rooms.md). */
export function createRooms(deps: RoomDeps) {
  const { bus, known, ownership } = deps;
  const change = createChange(deps);
  const audit = createAudit(bus);

  return {
    ...createMembership(deps, change, audit),
    ...createInvitations(deps, change, audit),

    /** Throws FORBIDDEN for who may not read it. */
    async read(conversation: ConversationId, caller: Caller): Promise<RoomRead> {
      const standing = await ownership.reader(conversation, caller);
      const now = await known.lookUp(conversation);
      if (now === undefined) throw noConversation();
      const { owner, people, n } = now;
      return { people: people ?? aloneOf(owner.userId, caller), n, standing };
    },

    /** By the owner. */
    async settings(conversation: ConversationId, caller: Caller, wish: RoomSettings): Promise<void> {
      const changed = await change({ conversation, caller, action: "conversation:people" }, (people, doing) =>
        changeSettings(people, wish, doing),
      );
      if (changed) await audit("room_settings", caller, conversation, { ...wish });
    },

    /** By who writes in it. Again changes nothing. Throws NOT_FOUND where there is no such message, CONFLICT where it was deleted or is an answer that has not ended. */
    async pin(
      conversation: ConversationId,
      caller: Caller,
      wish: { readonly message_id: string; readonly on: boolean },
    ): Promise<void> {
      await ownership.check(conversation, caller, "conversation:pin");
      if (wish.on) await checkThere(deps, caller, conversation, wish.message_id);
      await change({ conversation, caller, action: "conversation:pin" }, (people, doing) => pin(people, wish, doing));
    },
  };
}

/** What is not there would be in everybody's list of what is pinned, and take the place of something. */
async function checkThere(
  { bus, findFor }: Pick<RoomDeps, "bus" | "findFor">,
  caller: Caller,
  conversation: ConversationId,
  messageId: string,
): Promise<void> {
  await findFor(caller)(conversation, messageId);
  const changes = await bus.changes.of(conversation, [messageId]);
  if (changes.get(messageId)?.deleted_at !== undefined) throw wasDeleted();
}

type Change = ReturnType<typeof createChange>;
type AuditWriting = ReturnType<typeof createAudit>;

/** Taking an invitation, and what follows from that. */
function createTaking({ bus, known, lists, figures }: RoomDeps, audit: AuditWriting) {
  return createJoining({
    people: bus.people,
    onJoined(record, joins) {
      known.stored(record);
      lists.joined(
        joins.map(({ caller }) => caller.user.id),
        record.conversation_id,
      );
      for (const one of joins) {
        figures.count("joined");
        void audit("room_joined", one.caller, record.conversation_id);
      }
    },
  });
}

function createMembership({ lists, figures }: RoomDeps, change: Change, audit: AuditWriting) {
  return {
    /** By the owner. Again changes nothing. */
    async add(conversation: ConversationId, caller: Caller, member: NewMember): Promise<void> {
      const changed = await change({ conversation, caller, action: "conversation:people" }, (people, doing) =>
        addMember(people, member, doing),
      );
      if (!changed) return;
      lists.joined([member.user_id], conversation);
      figures.count("added");
      await audit("room_member_added", caller, conversation, { user: member.user_id, role: member.role });
    },

    /** By the owner; `owner` hands the conversation over. Throws NOT_FOUND for who is no member. */
    async setRole(
      conversation: ConversationId,
      caller: Caller,
      wish: { readonly user: string; readonly role: MemberRole | "owner" },
    ): Promise<void> {
      const changed = await change({ conversation, caller, action: "conversation:people" }, (people, doing) =>
        setRole(people, wish, doing),
      );
      if (!changed) return;
      figures.count(wish.role === "owner" ? "owner" : "role");
      await audit(wish.role === "owner" ? "room_owner" : "room_role", caller, conversation, { ...wish });
    },

    /** By the owner, or oneself: who is no member has left. Throws CONFLICT for the owner themself. */
    async remove(conversation: ConversationId, caller: Caller, user: string): Promise<void> {
      const isOneself = user === caller.user.id;
      const action = isOneself ? "conversation:leave" : "conversation:people";
      const changed = await change({ conversation, caller, action, isOneself }, (people, doing) =>
        removeMember(people, user, doing),
      );
      if (!changed) return;
      lists.left(user, conversation);
      figures.count(isOneself ? "left" : "removed");
      await audit(isOneself ? "room_left" : "room_member_removed", caller, conversation, { user });
    },
  };
}

function createInvitations(deps: RoomDeps, change: Change, audit: AuditWriting) {
  const { bus, figures } = deps;
  return {
    /** By the owner. The token of a link is told here and never again. */
    async invite(conversation: ConversationId, caller: Caller, wish: InviteWish) {
      const made = makeInvite(conversation, wish, { caller, nowMs: await bus.people.nowMs() });
      await change({ conversation, caller, action: "conversation:people" }, (people, doing) =>
        addInvite(people, made.stored, doing),
      );
      figures.count("invited");
      const { invite_id, role } = made.stored;
      await audit("room_invited", caller, conversation, { invite_id, role, for_role: wish.for_role });
      return made;
    },

    /** By the owner. What is not there is taken back. */
    async revoke(conversation: ConversationId, caller: Caller, invite: string): Promise<void> {
      const changed = await change({ conversation, caller, action: "conversation:people" }, (people) =>
        revokeInvite(people, invite),
      );
      if (changed) await audit("room_invite_revoked", caller, conversation, { invite_id: invite });
    },

    /** By a link, or by a role in a conversation that is named. Throws NOT_FOUND. */
    join: createJoin(deps, createTaking(deps, audit)),
  };
}

interface Wish {
  readonly conversation: ConversationId;
  readonly caller: Caller;
  readonly action: "conversation:people" | "conversation:leave" | "conversation:pin";
  /** Of whoever leaves. */
  readonly isOneself?: boolean;
}

/** Stores what becomes of the people, for who may do that as the record stands: what is remembered here may be older. Returns whether it has changed anything. */
function createChange({ bus, known, may }: Pick<RoomDeps, "bus" | "known" | "may">) {
  return async (
    { conversation, caller, action, isOneself = false }: Wish,
    next: (people: People, doing: Doing) => PeopleChange | undefined,
  ): Promise<boolean> => {
    const doing = { caller, nowMs: Date.now() };
    let isChanged = false;
    const record = await bus.people.change(conversation, (people) => {
      isChanged = false;
      if (isOneself && !isMember(people, caller)) return undefined;
      const stands = standingAmong(people, caller);
      const { owner, tenant } = people;
      // Also who lacks the role on which their membership depends may leave; not their namesake of another tenant.
      const standing = isOneself && stands === "none" && tenant === caller.tenant ? "reader" : stands;
      demand(may(caller, action, { kind: "conversation", owner: owner.id, tenant, standing }));
      const changed = next(people, doing);
      isChanged = changed !== undefined;
      return changed;
    });
    if (record !== undefined) known.stored(record);
    return isChanged;
  };
}

function isMember({ owner, members }: People, { user }: Caller): boolean {
  return owner.id === user.id || members.some(({ id }) => id === user.id);
}

export type JoinWish = { readonly invite: string } | { readonly conversation_id: ConversationId };

function createJoin(
  { may }: Pick<RoomDeps, "may">,
  join: (conversation: ConversationId, joining: Joining) => Promise<Joined>,
) {
  return async (caller: Caller, wish: JoinWish): Promise<Joined & { readonly conversation_id: ConversationId }> => {
    demand(may(caller, "conversation:read", { kind: "conversation", owner: undefined, tenant: undefined }));
    const link = "invite" in wish ? readToken(wish.invite) : { conversation: wish.conversation_id, hash: undefined };
    if (link === undefined) throw noInvite();
    const { conversation, hash } = link;
    const joined = await join(conversation, { caller, hash }).catch((error: unknown) => {
      // Who asks with a link learns nothing else of its conversation.
      throw error instanceof ChatError && error.code === "NOT_FOUND" ? noInvite() : error;
    });
    return { ...joined, conversation_id: conversation };
  };
}

/** A conversation of one, as its people would be. */
function aloneOf(owner: string, { user }: Caller): People {
  const name = user.id === owner && user.name !== undefined ? { name: user.name } : {};
  return { owner: { id: owner, ...name }, members: [], invites: [], agents: [], pins: [], has: {} };
}

/** It has happened already, so it is told even where this cannot be stored. */
function createAudit({ audit }: Pick<Bus, "audit">) {
  const writer = `edge-${process.pid}@${hostname()}`;
  return async (
    action: string,
    { user, tenant, roles, session, address }: Caller,
    conversation_id: ConversationId,
    on?: Readonly<Record<string, unknown>>,
  ): Promise<void> => {
    const who = { user: { id: user.id, name: user.name }, roles: [...roles], tenant, session, address };
    const what = { action, ...(on === undefined ? {} : { on }) };
    await audit.write({ v: 1, kind: "admin", writer, ...who, conversation_id, ...what }, randomUUID());
  };
}

function noConversation(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such conversation." });
}
