import { z } from "zod";
import { Author } from "./author.ts";
import { ConversationId } from "./ids.ts";
import { limits } from "./limits.ts";
import { openEnum } from "./open-enum.ts";

/**
 * A conversation with more people than the one who began it (docs/adr/0029). Whoever began it is its owner until they hand it over; a conversation that never had a
 * second member, a rule or a pin has no record of this.
 */

export const MemberRole = z.enum(["writer", "reader"]);
export type MemberRole = z.infer<typeof MemberRole>;

/** As what somebody stands in a conversation; `operator`: it was handed over to them (docs/handover.md). */
export type Standing = "owner" | MemberRole | "operator";

export const Person = z
  .object({ id: z.string().describe("Of a user."), name: z.string().optional().describe("Where it is known.") })
  .describe("Somebody who has a part in a conversation.");
export type Person = z.infer<typeof Person>;

export const Member = Person.extend({
  role: openEnum(["owner", ...MemberRole.options]).describe(
    "`owner`: everything; `writer`: reads and writes; `reader`: reads.",
  ),
  since: z.number().describe("When they became a member, ms since 1970; 0 of who owns it."),
  with_role: z
    .string()
    .optional()
    .describe("They are a member for as long as they have this role of the deployment. Absent: without condition."),
}).describe("A member of a conversation.");
export type Member = z.infer<typeof Member>;

export const InviteId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

/** An invitation as its conversation's owner sees it. */
export const Invite = z
  .object({
    invite_id: InviteId,
    role: openEnum(MemberRole.options).describe("What whoever takes it becomes."),
    for_role: z
      .string()
      .optional()
      .describe("For everybody of the tenant with this role of the deployment; there is no link."),
    expires_at: z.number().describe("Until when it can be taken, ms since 1970."),
    uses_left: z
      .number()
      .int()
      .optional()
      .describe("How many may still take it. Absent: as many as there is room for."),
    by: Person.describe("Whoever made it."),
  })
  .describe("An invitation to a conversation.");
export type Invite = z.infer<typeof Invite>;

/** Where nobody has said which: `mention` once a second person may write, else `always`. */
export const AnswerRule = z.enum(["always", "mention", "never"]);
export type AnswerRule = z.infer<typeof AnswerRule>;

const agentHandle = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** An agent as a room knows it: people write `@handle`. */
export const RoomAgent = z
  .object({
    handle: z.string().regex(agentHandle, "must be 1 to 64 small letters, digits, '_' or '-', a letter or digit first"),
    agent: z.string().max(64).describe("Which agent answers to it."),
  })
  .describe("A name of the room for an agent.");
export type RoomAgent = z.infer<typeof RoomAgent>;

const n = z
  .number()
  .int()
  .positive()
  .describe("Counts what happens to the room. It comes in this order; numbers may be missing.");

const settings = {
  answers: openEnum(AnswerRule.options).describe(
    "When an agent answers: to every message, only where it is addressed (`@name`, or a reply to what it said), or never.",
  ),
  agents: z
    .array(RoomAgent)
    .max(limits.roomAgents)
    .describe("Names of the room for agents. Others are called by their own."),
  pins: z.array(z.string()).max(limits.roomPins).describe("Messages that are pinned, the last one first."),
};

/** How a room stands, as its members see it. */
export const Room = z
  .object({
    n,
    owner: Person.describe("Whose conversation it is now."),
    members: z
      .array(Member)
      .describe("The owner first; in frames at most `roomMembersShown` of them, all of them over HTTP."),
    member_count: z.number().int().describe("How many there are, the owner among them."),
    you: openEnum(["owner", "writer", "reader", "operator"])
      .optional()
      .describe("As what the reader of this stands in it. Absent in events, which are for all."),
    ...settings,
  })
  .describe("Who has a part in a conversation, and by which rules.");
export type Room = z.infer<typeof Room>;

/** What happened to one person: `role` null: they are no member any more. */
export const MemberChange = Person.extend({
  role: openEnum(["owner", ...MemberRole.options]).nullable(),
  with_role: z.string().optional(),
}).describe("A person became a member, has another role now, or is no member any more (`role` null).");
export type MemberChange = z.infer<typeof MemberChange>;

/** An event without a turn. Authority is the record, never this. */
export const MemberEvent = z
  .object({
    type: z.literal("member"),
    conversation_id: ConversationId,
    ts: z.number().describe("When it was written, ms since 1970. For display, never for order."),
    n,
    by: Author.optional().describe("Whoever did it."),
    people: z
      .array(MemberChange)
      .describe("Whom it is about; in the first event of a room the owner too. Empty: only the rules have changed."),
    member_count: z.number().int().describe("How many there are now, the owner among them."),
    answers: settings.answers,
    agents: settings.agents,
  })
  .describe("Somebody came, went or has another role in the conversation, or its rules have changed.");
export type MemberEvent = z.infer<typeof MemberEvent>;

export const PinEvent = z
  .object({
    type: z.literal("pin"),
    conversation_id: ConversationId,
    ts: z.number().describe("When it was written, ms since 1970. For display, never for order."),
    n,
    message_id: z.string().describe("As in the transcript."),
    on: z.boolean().describe("Whether it is pinned now."),
    by: Author.optional().describe("Whoever did it."),
    pins: settings.pins,
  })
  .describe("A message was pinned, or is pinned no more. `pins` is all of them: the last event counts.");
export type PinEvent = z.infer<typeof PinEvent>;

/** An invitation as it is kept: the secret of its link as a hash. */
export const StoredInvite = Invite.extend({ hash: z.string().optional() });
export type StoredInvite = z.infer<typeof StoredInvite>;

/**
 * The people of a conversation, as `LOG` keeps them on a subject of its own (`chat.people.<s>.<conv>`): the last one counts, and each is stored only if nothing came
 * between (compare-and-set). `chat.owner` goes on to say who began the conversation, and where there is no record of this, who owns it.
 */
export const PeopleRecord = z.object({
  v: z.number().int(),
  kind: z.literal("people"),
  conversation_id: ConversationId,
  n: z.number().int().positive(),
  /** Absent: the conversation was deleted. Nothing can be stored behind that. */
  people: z
    .object({
      owner: Person,
      tenant: z.string().optional(),
      /** Without the owner. */
      members: z.array(Member).max(limits.roomMembers),
      invites: z.array(StoredInvite).max(limits.roomInvites),
      /** Absent: nobody has said. */
      answers: openEnum(AnswerRule.options).optional(),
      agents: settings.agents,
      pins: settings.pins,
      /** Messages have been written in it that are of no turn, or were changed, reacted to or marked as read: only then anybody looks for these. */
      has: z.object({ posts: z.boolean().optional(), changes: z.boolean().optional(), marks: z.boolean().optional() }),
      /** Earlier texts of changed messages are kept, for the owner. */
      keeps_history: z.boolean().optional(),
    })
    .optional(),
  /** What this record changed: whoever finds that its event was never written writes it. */
  told: z.union([MemberEvent, PinEvent]).optional(),
  ts: z.number(),
});
export type PeopleRecord = z.infer<typeof PeopleRecord>;
export type People = NonNullable<PeopleRecord["people"]>;
