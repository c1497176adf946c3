import { FormContent, TurnId, type ApprovalState, type ApproveFrame, type ToolCallPart } from "@parley/protocol";
import { z } from "zod";

/** What a client of MCP asks for; the texts are read by the client's model. */

export const AgentArguments = z.object({
  message: z
    .string()
    .describe(
      "What to ask or to have done, with all that has to be known for it: the agent sees nothing else of your work.",
    ),
  conversation_id: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe("To go on in a conversation: the conversation_id of an earlier result. Leave it out to begin a new one."),
});

export const AnswerArguments = z.object({
  conversation_id: z.string().min(1).max(512).describe("The conversation_id of the earlier result."),
  turn_id: TurnId.optional().describe("The turn_id of the earlier result. Left out: the answer that runs."),
});

/** What somebody filled in, as the client of 2026-07-28 gives it back. */
const ElicitResult = z.object({
  action: z.enum(["accept", "decline", "cancel"]),
  content: z.record(z.string(), z.unknown()).optional(),
});

export type Decision = Pick<ApproveFrame, "call_id" | "approved" | "confirm" | "content" | "reason">;

/** Names of the fields of the question that are no fields of the form: a form of another server's may have any names. */
export const ownFields = { approve: "approve", confirm: "confirm", reason: "reason" } as const;
/** What the names of a form's fields begin with. */
export const formPrefix = "form_";

/**
 * What a person decided on a call that waits; undefined: nothing yet, they closed the question or the client sent something else. Agreement is said twice:
 * by accepting, and by the field that is false until they change it.
 */
export function decisionOf({ call_id, approval }: ToolCallPart, response: unknown): Decision | undefined {
  const { data } = ElicitResult.safeParse(response);
  if (data === undefined || data.action === "cancel") return undefined;
  const { content = {} } = data;
  const reason =
    typeof content[ownFields.reason] === "string" ? { reason: String(content[ownFields.reason]).slice(0, 500) } : {};
  if (data.action === "decline" || content[ownFields.approve] !== true) return { call_id, approved: false, ...reason };
  const confirm = content[ownFields.confirm];
  return {
    call_id,
    approved: true,
    ...reason,
    ...(typeof confirm === "string" ? { confirm: confirm.slice(0, 1_000) } : {}),
    ...filledIn(approval, content),
  };
}

function filledIn(approval: ApprovalState | undefined, content: Readonly<Record<string, unknown>>): Partial<Decision> {
  if (approval?.form === undefined) return {};
  const given = Object.entries(content).filter(([name]) => name.startsWith(formPrefix));
  const fields = FormContent.safeParse(
    Object.fromEntries(given.map(([name, value]) => [name.slice(formPrefix.length), value])),
  );
  return fields.success ? { content: fields.data } : {};
}
