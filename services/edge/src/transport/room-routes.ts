import {
  AnswerRule,
  answerRuleOf,
  ConversationId,
  Invite,
  InviteId,
  MemberRole,
  MessageId,
  Room,
  RoomAgent,
  limits,
} from "@parley/protocol";
import { z } from "zod";
import type { Commands } from "../commands/commands.ts";
import { shownInvite, isOpen } from "../commands/rooms/invite-rules.ts";
import { membersOf } from "../hub/shown-room.ts";
import { jsonReply } from "./reply.ts";
import { defineRoute, given, nothing, type Route } from "./route.ts";

/** Who has a part in a conversation: docs/rooms.md. */

export interface RoomRouteDeps {
  readonly commands: Pick<Commands, "rooms">;
}

const maxUserIdChars = 128;
const maxNameChars = 128;
/** What turns the text of others around, or is obeyed by terminals, is no part of a name; what joins letters is. */
const nameText = /^(?=.*\S)(?:[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|[\u200c\u200d])+$/u;
const memberName = z
  .string()
  .min(1)
  .max(maxNameChars)
  .refine((text) => nameText.test(text), "must be one line without control characters")
  .describe("As others read it.");
const roleName = z.string().regex(/^[A-Za-z0-9][\w.:@/-]{0,63}$/, "must be the name of a role");
const userId = z.string().min(1).max(maxUserIdChars).describe("Of a user.");

const OneConversation = z.object({ id: ConversationId });
const OneMember = OneConversation.extend({ user: userId });
const membersPath = "/api/v1/conversations/:id/members";

const MembersAnswer = Room.omit({ n: true }).extend({
  conversation_id: ConversationId,
  n: z.number().int().nonnegative().describe("Counts what happens to the room. 0: nothing did."),
  keeps_history: z.boolean().describe("Whether earlier texts of changed messages are kept, for the owner."),
  invites: z.array(Invite).optional().describe("Those that can still be taken, for the owner."),
});

const InviteAnswer = Invite.extend({
  conversation_id: ConversationId,
  invite: z.string().optional().describe("What is handed on: told only now. Absent where it is for a role."),
});

const JoinAnswer = z.object({
  conversation_id: ConversationId,
  role: z.string().describe("As what the caller stands in it now."),
  joined: z.boolean().describe("False: they had as much already, and nothing of the invitation was used."),
});

export function createRoomRoutes(deps: RoomRouteDeps): Route[] {
  // `join` is a name like that of a conversation: its route has another method than all that have no more behind a conversation.
  return [
    membersRoute(deps),
    addRoute(deps),
    roleRoute(deps),
    removalRoute(deps),
    inviteRoute(deps),
    revocationRoute(deps),
    joinRoute(deps),
    settingsRoute(deps),
    pinRoute(deps, "put"),
    pinRoute(deps, "delete"),
  ];
}

const done = { 204: { description: "It is so, now or before." } };
const noBody = { status: 204, body: "" } as const;

function membersRoute({ commands: { rooms } }: RoomRouteDeps): Route {
  return defineRoute({
    method: "get",
    path: membersPath,
    summary: "All who have a part in a conversation, and by which rules; for the owner with the invitations.",
    access: "user",
    params: OneConversation,
    query: nothing,
    body: nothing,
    responses: { 200: { description: "The people.", content: MembersAnswer } },
    async handle({ caller }, { params: { id } }) {
      const { people, n, standing } = await rooms.read(id, caller);
      const nowMs = Date.now();
      const { owner, agents, pins, keeps_history = false } = people;
      const members = membersOf(people);
      const counts = { member_count: members.length, you: standing, answers: answerRuleOf(people), keeps_history };
      const open = people.invites.filter((one) => isOpen(one, nowMs)).map(shownInvite);
      const invites = standing === "owner" ? { invites: open } : {};
      return jsonReply(200, { conversation_id: id, n, owner, members, ...counts, agents, pins, ...invites });
    },
  });
}

function addRoute({ commands: { rooms } }: RoomRouteDeps): Route {
  return defineRoute({
    method: "post",
    path: membersPath,
    summary: "Make a user of the same tenant a member, or give them another role: for the owner.",
    access: "user",
    params: OneConversation,
    query: nothing,
    body: z.object({
      user_id: userId,
      name: memberName.nullish(),
      role: MemberRole,
      with_role: roleName.nullish().describe("They are a member for as long as they have this role of the deployment."),
    }),
    responses: done,
    async handle({ caller }, { params: { id }, body: { user_id, role, name, with_role } }) {
      await rooms.add(id, caller, { user_id, role, ...given("name", name), ...given("with_role", with_role) });
      return noBody;
    },
  });
}

function roleRoute({ commands: { rooms } }: RoomRouteDeps): Route {
  return defineRoute({
    method: "patch",
    path: `${membersPath}/:user`,
    summary:
      "Give a member another role: for the owner. `owner` hands the conversation over; who had it is a writer then.",
    access: "user",
    params: OneMember,
    query: nothing,
    body: z.object({ role: z.enum(["owner", ...MemberRole.options]) }),
    responses: done,
    async handle({ caller }, { params: { id, user }, body: { role } }) {
      await rooms.setRole(id, caller, { user, role });
      return noBody;
    },
  });
}

function removalRoute({ commands: { rooms } }: RoomRouteDeps): Route {
  return defineRoute({
    method: "delete",
    path: `${membersPath}/:user`,
    summary:
      "Remove a member, as the owner, or leave. The owner hands the conversation over before they leave: `CONFLICT`.",
    access: "user",
    params: OneMember,
    query: nothing,
    body: nothing,
    responses: done,
    async handle({ caller }, { params: { id, user } }) {
      await rooms.remove(id, caller, user);
      return noBody;
    },
  });
}

function inviteRoute({ commands: { rooms } }: RoomRouteDeps): Route {
  return defineRoute({
    method: "post",
    path: "/api/v1/conversations/:id/invites",
    summary: "Invite to a conversation, by a link or for all of the tenant with a role: for the owner.",
    access: "user",
    params: OneConversation,
    query: nothing,
    body: z.object({
      role: MemberRole,
      expires_in_ms: z
        .number()
        .int()
        .min(1_000)
        .max(limits.roomInviteMs)
        .nullish()
        .describe("For how long it can be taken. Absent: as long as any, 30 days."),
      uses: z
        .number()
        .int()
        .min(1)
        .max(limits.roomMembers)
        .nullish()
        .describe("How many may take it. Absent: as many as there is room for."),
      for_role: roleName.nullish().describe("For everybody of the tenant with this role; there is no link then."),
    }),
    responses: { 201: { description: "The invitation.", content: InviteAnswer } },
    async handle({ caller }, { params: { id }, body: { role, expires_in_ms, uses, for_role } }) {
      const wish = { role, ...given("expires_in_ms", expires_in_ms), ...given("uses", uses) };
      const { stored, token } = await rooms.invite(id, caller, { ...wish, ...given("for_role", for_role) });
      const link = token === undefined ? {} : { invite: token };
      return jsonReply(201, { conversation_id: id, ...shownInvite(stored), ...link });
    },
  });
}

function revocationRoute({ commands: { rooms } }: RoomRouteDeps): Route {
  return defineRoute({
    method: "delete",
    path: "/api/v1/conversations/:id/invites/:invite",
    summary: "Take an invitation back: for the owner. Who has taken it stays a member.",
    access: "user",
    params: OneConversation.extend({ invite: InviteId }),
    query: nothing,
    body: nothing,
    responses: done,
    async handle({ caller }, { params: { id, invite } }) {
      await rooms.revoke(id, caller, invite);
      return noBody;
    },
  });
}

function joinRoute({ commands: { rooms } }: RoomRouteDeps): Route {
  return defineRoute({
    method: "post",
    path: "/api/v1/conversations/join",
    summary: "Take an invitation: by its link, or by a role in a conversation that is named.",
    access: "user",
    params: nothing,
    query: nothing,
    body: z
      .object({
        invite: z.string().max(256).nullish().describe("As it was handed on."),
        conversation_id: ConversationId.nullish().describe("Instead: a conversation to which a role invites."),
      })
      .refine(({ invite, conversation_id }) => (typeof invite === "string") !== (typeof conversation_id === "string"), {
        error: "has either `invite` or `conversation_id`",
      }),
    responses: { 200: { description: "The caller is a member.", content: JoinAnswer } },
    async handle({ caller }, { body: { invite, conversation_id } }) {
      const wish = typeof conversation_id === "string" ? { conversation_id } : { invite: invite ?? "" };
      const { isNew, role, conversation_id: id } = await rooms.join(caller, wish);
      return jsonReply(200, { conversation_id: id, role, joined: isNew });
    },
  });
}

function settingsRoute({ commands: { rooms } }: RoomRouteDeps): Route {
  return defineRoute({
    method: "patch",
    path: "/api/v1/conversations/:id/room",
    summary: "Change the rules of a conversation: for the owner. What is absent stays.",
    access: "user",
    params: OneConversation,
    query: nothing,
    body: z.object({
      answers: AnswerRule.nullable()
        .optional()
        .describe("When an agent answers. Null: as where nobody has said: `mention` once a second person may write."),
      agents: z
        .array(RoomAgent)
        .max(limits.roomAgents)
        .optional()
        .describe("Names of the room for agents, all of them."),
      keeps_history: z.boolean().optional().describe("Whether earlier texts of changed messages are kept."),
    }),
    responses: done,
    async handle({ caller }, { params: { id }, body }) {
      await rooms.settings(id, caller, body);
      return noBody;
    },
  });
}

function pinRoute({ commands: { rooms } }: RoomRouteDeps, method: "put" | "delete"): Route {
  const on = method === "put";
  return defineRoute({
    method,
    path: "/api/v1/conversations/:id/messages/:message_id/pin",
    summary: on ? "Pin a message of a conversation." : "Pin a message no more.",
    access: "user",
    params: OneConversation.extend({ message_id: MessageId }),
    query: nothing,
    body: nothing,
    responses: done,
    async handle({ caller }, { params: { id, message_id } }) {
      await rooms.pin(id, caller, { message_id, on });
      return noBody;
    },
  });
}
