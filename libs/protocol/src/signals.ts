import { z } from "zod";
import { ConversationId } from "./ids.ts";
import { openEnum } from "./open-enum.ts";
import { Person } from "./room.ts";

/** What viewers of a room are told and nobody stores (docs/adr/0029). These frames have no `seq`; each says how things stand, so the last one counts. */

export const TypingFrame = z
  .object({
    type: z.literal("typing"),
    conversation_id: ConversationId,
    users: z.array(Person).describe("All who write at the moment, at most `roomMembersShown`. Empty: nobody."),
  })
  .describe("Who writes. It holds until the next one.");
export type TypingFrame = z.infer<typeof TypingFrame>;

export const PresentAgent = z
  .object({
    name: z.string().describe("By which people call it."),
    state: openEnum(["ready", "answering", "away"]).describe("What it does."),
  })
  .describe("An agent of the room; `away`: no worker has been heard of.");
export type PresentAgent = z.infer<typeof PresentAgent>;

export const PresenceFrame = z
  .object({
    type: z.literal("presence"),
    conversation_id: ConversationId,
    users: z.array(Person).describe("Who looks at the conversation, on whichever edge, at most `roomMembersShown`."),
    online: z.number().int().describe("How many of them there are."),
    agents: z.array(PresentAgent).describe("The agents of the room."),
  })
  .describe("Who is there. It holds until the next one.");
export type PresenceFrame = z.infer<typeof PresenceFrame>;

export const ReadMark = z
  .object({
    user: Person.describe("Whose mark it is."),
    message_id: z.string().describe("The last message that they have read."),
    ts: z.number().describe("When, ms since 1970."),
  })
  .describe("How far a member has read.");
export type ReadMark = z.infer<typeof ReadMark>;

export const ReadFrame = z
  .object({
    type: z.literal("read"),
    conversation_id: ConversationId,
    marks: z.array(ReadMark).describe("Those that have changed."),
  })
  .describe("Members have read on. In rooms with more than `roomMembersShown` members only one's own are told.");
export type ReadFrame = z.infer<typeof ReadFrame>;

/** As `LOG` keeps it, on `chat.read.<s>.<conv>.<hash of the user>`: the last one counts. */
export const ReadRecord = z.object({
  v: z.number().int(),
  kind: z.literal("read"),
  conversation_id: ConversationId,
  /** Absent: the conversation was deleted. */
  mark: ReadMark.optional(),
  /** The last post up to there (its `n`), and the last record of a turn (its sequence in `LOG`): what comes behind them is unread. */
  post: z.number().int().nonnegative(),
  turn: z.number().int().nonnegative(),
  ts: z.number(),
});
export type ReadRecord = z.infer<typeof ReadRecord>;

/** What edges tell each other of a room on `chat.signal.<s>.<conv>`, not stored: all that is so at this edge. What an edge has said holds for `signalMs`. */
export const EdgeSignal = z.object({
  edge: z.string(),
  present: z.array(Person),
  typing: z.array(Person),
  read: z.array(ReadMark).optional(),
  /** It has no viewers, and wants to hear the others: whoever has some says so now. */
  asks: z.literal(true).optional(),
});
export type EdgeSignal = z.infer<typeof EdgeSignal>;
