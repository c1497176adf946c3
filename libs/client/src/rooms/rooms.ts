import type { Invite, Member, MemberRole, Room, RoomAgent } from "@parley/protocol/fold";
import { createAsk, isFields, type Fields, type RequestOptions } from "./requests.ts";

/** All who have a part in a conversation. */
export interface RoomPeople {
  /** The owner first. */
  readonly members: readonly Member[];
  /** For the owner: which invitations there are. */
  readonly invites: readonly Invite[];
}

export interface NewMember {
  readonly user_id: string;
  readonly name?: string;
  readonly role: MemberRole;
  /** They are a member for as long as they have this role of the deployment. */
  readonly with_role?: string;
}

export interface NewInvite {
  readonly role: MemberRole;
  readonly expires_in_ms?: number;
  /** How many may take it. */
  readonly uses?: number;
  /** For everybody of the tenant with this role of the deployment: there is no link. */
  readonly for_role?: string;
}

export interface RoomRules {
  readonly answers?: Room["answers"];
  readonly agents?: readonly RoomAgent[];
  readonly keeps_history?: boolean;
}

/** What is asked over HTTP of the people of a conversation. All of it rejects with ChatError, and may be asked once more: what is so already changes nothing. */
export interface Rooms {
  readonly members: (conversation: string) => Promise<RoomPeople>;
  readonly addMember: (conversation: string, member: NewMember) => Promise<void>;
  /** `owner` hands the conversation over: whoever had it is a writer then. */
  readonly setRole: (conversation: string, userId: string, role: MemberRole | "owner") => Promise<void>;
  readonly removeMember: (conversation: string, userId: string) => Promise<void>;
  /** `me`: one's own id, as the state `ready` of the client has it. Rejects with CONFLICT for the owner, who hands it over first. */
  readonly leave: (conversation: string, me: string) => Promise<void>;
  /** `invite` is what others join with; it is told this once. Not of one `for_role`. */
  readonly invite: (
    conversation: string,
    invite: NewInvite,
  ) => Promise<{ readonly invite?: string; readonly invite_id: string }>;
  readonly revokeInvite: (conversation: string, inviteId: string) => Promise<void>;
  /** By the token of an invitation, or (`conversation_id`) by one's role. Resolves with the conversation's id. */
  readonly join: (by: { readonly invite: string } | { readonly conversation_id: string }) => Promise<string>;
  readonly setRules: (conversation: string, rules: RoomRules) => Promise<void>;
}

const base = "/api/v1/conversations";

export function createRooms(options: RequestOptions = {}): Rooms {
  const ask = createAsk(options);
  const pathTo = (...names: string[]): string => [base, ...names.map(encodeURIComponent)].join("/");
  const remove = async (conversation: string, userId: string): Promise<void> => {
    await ask("DELETE", pathTo(conversation, "members", userId));
  };
  return {
    members: async (conversation) => {
      const { members, invites } = await ask("GET", pathTo(conversation, "members"));
      return { members: listOf(members, isMember), invites: listOf(invites, isInvite) };
    },
    addMember: async (conversation, member) => {
      await ask("POST", pathTo(conversation, "members"), member);
    },
    setRole: async (conversation, userId, role) => {
      await ask("PATCH", pathTo(conversation, "members", userId), { role });
    },
    removeMember: remove,
    leave: remove,
    invite: async (conversation, invite) => {
      const { invite: link, invite_id } = await ask("POST", pathTo(conversation, "invites"), invite);
      return { invite_id: textOr(invite_id, ""), ...(typeof link === "string" ? { invite: link } : {}) };
    },
    revokeInvite: async (conversation, inviteId) => {
      await ask("DELETE", pathTo(conversation, "invites", inviteId));
    },
    join: async (by) => {
      const { conversation_id } = await ask("POST", `${base}/join`, by);
      return textOr(conversation_id, "conversation_id" in by ? by.conversation_id : "");
    },
    setRules: async (conversation, rules) => {
      await ask("PATCH", pathTo(conversation, "room"), rules);
    },
  };
}

/** Entries that are what they should be; others are of a server that knows more. */
function listOf<T>(list: unknown, isOne: (value: unknown) => value is T): T[] {
  return Array.isArray(list) ? list.filter(isOne) : [];
}

function isMember(value: unknown): value is Member {
  return isFields(value) && hasTexts(value, ["id", "role"]);
}

function isInvite(value: unknown): value is Invite {
  return isFields(value) && hasTexts(value, ["invite_id", "role"]) && isFields(value["by"]);
}

function hasTexts(fields: Fields, names: readonly string[]): boolean {
  return names.every((name) => typeof fields[name] === "string");
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
