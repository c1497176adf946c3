import type { Invite, Member, MemberRole } from "@parley/protocol/fold";
import { has, listIn, textIn } from "./answers.ts";
import { fieldsOf, ownError } from "./api-error.ts";
import type { Http } from "./http.ts";

export interface PeopleOf {
  readonly members: readonly Member[];
  /** Those that can still be taken; empty for everybody but the owner. */
  readonly invites: readonly Invite[];
}

interface NewInvite {
  readonly role: MemberRole;
  readonly expires_in_ms?: number;
  readonly uses?: number;
  /** For everybody with this role of the deployment, in place of a link. */
  readonly for_role?: string;
}

/** What is asked of the people of a conversation, and of its messages after they were written. Everything throws `ApiError`. */
export interface PeopleCalls {
  readonly people: (id: string) => Promise<PeopleOf>;
  readonly addMember: (id: string, member: { readonly user_id: string; readonly role: MemberRole }) => Promise<void>;
  /** `owner` hands the conversation over. */
  readonly setMemberRole: (id: string, userId: string, role: MemberRole | "owner") => Promise<void>;
  /** Oneself: leaves. */
  readonly removeMember: (id: string, userId: string) => Promise<void>;
  /** The token of the link, which is told this once; undefined for an invitation without one. */
  readonly invite: (id: string, invite: NewInvite) => Promise<string | undefined>;
  readonly revokeInvite: (id: string, inviteId: string) => Promise<void>;
  /** The conversation to which an invitation led. */
  readonly join: (token: string) => Promise<string>;
  readonly setAnswerRule: (id: string, answers: string) => Promise<void>;
}

export function peopleCalls(http: Http): PeopleCalls {
  const at = (id: string, ...rest: readonly string[]): string =>
    ["/api/v1/conversations", ...[id, ...rest].map(encodeURIComponent)].join("/");
  const does = async (path: string, method: "POST" | "PUT" | "PATCH" | "DELETE", body?: object): Promise<void> => {
    await http(path, body === undefined ? { method } : { method, body });
  };
  return {
    people: async (id) => {
      const answer = await http(at(id, "members"));
      const { invites } = fieldsOf(answer);
      return {
        members: listIn(answer, "members", isMember),
        invites: invites === undefined ? [] : listIn(answer, "invites", isInvite),
      };
    },
    addMember: (id, member) => does(at(id, "members"), "POST", member),
    setMemberRole: (id, userId, role) => does(at(id, "members", userId), "PATCH", { role }),
    removeMember: (id, userId) => does(at(id, "members", userId), "DELETE"),
    invite: async (id, invite) => textIn(await http(at(id, "invites"), { method: "POST", body: invite }), "invite"),
    revokeInvite: (id, inviteId) => does(at(id, "invites", inviteId), "DELETE"),
    join: async (token) => {
      const answer = await http("/api/v1/conversations/join", { method: "POST", body: { invite: token } });
      const id = textIn(answer, "conversation_id");
      if (id === undefined) throw ownError("UNREADABLE");
      return id;
    },
    setAnswerRule: (id, answers) => does(at(id, "room"), "PATCH", { answers }),
  };
}

function isMember(value: unknown): value is Member {
  return has(value, { id: "string", role: "string", since: "number" });
}

function isInvite(value: unknown): value is Invite {
  return has(value, { invite_id: "string", role: "string", expires_at: "number" });
}
