import { z } from "zod";
import { Author } from "./author.ts";
import { HandoverState, type AnswerMetadata } from "./answer-metadata.ts";
import { ConversationId, TurnId } from "./ids.ts";

/** A conversation in which a person answers in place of the agent (docs/handover.md). */

/** By which an agent asks for a person; its file names it. The agent worker itself runs it. */
export const askPersonTool = "ask_person";

const number = z.number().int().positive();

const told = {
  n: number.describe("Counts what happens to it. It comes in this order; numbers may be missing."),
  state: HandoverState.describe(
    "`waiting` for a person; `taken`: one answers; `ended`: the agent answers again. While it is not `ended` the agent is silent.",
  ),
  reason: z.string().optional().describe("Why a person was asked for, in the words of who asked."),
  asked_by: Author.optional().describe("Who asked: the user, or the agent."),
  asked_at: z.number().describe("When, ms since 1970."),
  operator: Author.optional().describe("Who has it, or had it."),
  until: z.number().optional().describe("When it ends by itself unless somebody does something, ms since 1970."),
  ended: z
    .string()
    .optional()
    .describe("Why it ended: `given back`, `withdrawn`, `nobody came` or `silent`; there may be others."),
};

export const Handover = z.object(told).describe("How it stands with a person who answers in place of the agent.");
export type Handover = z.infer<typeof Handover>;

export const HandoverEvent = z
  .object({
    type: z.literal("handover"),
    conversation_id: ConversationId,
    ts: z.number().describe("When it was written, ms since 1970. For display, never for order."),
    ...told,
  })
  .describe("A person was asked for, has taken the conversation, or has given it back. The last one counts.");
export type HandoverEvent = z.infer<typeof HandoverEvent>;

/**
 * The same as `LOG` keeps it, on a subject of its own: the last one counts. Each is stored only if nothing came between it and the one before (compare-and-set): of two
 * who take a conversation one does.
 */
export const HandoverRecord = z.object({
  v: z.number().int(),
  kind: z.literal("handover"),
  conversation_id: ConversationId,
  ...told,
  /** Whose conversation it is, and of which tenant: who may take it. */
  user: z.object({ id: z.string(), name: z.string().optional() }),
  tenant: z.string().optional(),
  /** The turn that asked: whoever takes that over asks no second time. */
  turn_id: TurnId.optional(),
  taken_at: z.number().optional(),
  /** How long whoever has it may say nothing. */
  idle_ms: z.number().int().positive(),
  ts: z.number(),
});
export type HandoverRecord = z.infer<typeof HandoverRecord>;

/** Whether the agent is silent. */
export function isHandedOver(handover: Pick<Handover, "state"> | undefined): boolean {
  return handover?.state === "waiting" || handover?.state === "taken";
}

/** What viewers are told of a record. */
export function handoverOf(record: HandoverRecord): Handover {
  return Handover.parse(record);
}

/**
 * Whether this answer says that its conversation may be handed over: then, and only then, there is a record to be looked for. So whoever uses no hand-over pays for none.
 */
export function tellsHandover({
  metadata,
  tool_calls = [],
}: {
  readonly metadata?: AnswerMetadata | undefined;
  readonly tool_calls?: readonly { readonly tool_name: string }[] | undefined;
}): boolean {
  return metadata?.handover !== undefined || tool_calls.some(({ tool_name }) => tool_name === askPersonTool);
}
