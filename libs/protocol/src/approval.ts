import { z } from "zod";
import { ApprovalForm } from "./approval-form.ts";

/** What a person sees who has to agree to a tool call, and how it was decided (docs/adr/0017). */

export const ApprovalPreview = z
  .object({
    kind: z.union([z.enum(["diff", "table", "text"]), z.string()]).describe("How `text` is to be shown."),
    text: z.string().describe("What would change, at most `approvalPreviewBytes`."),
  })
  .describe("What would change, by a dry run.");
export type ApprovalPreview = z.infer<typeof ApprovalPreview>;

export const ApprovalRequest = z.object({
  summary: z.string().describe("One sentence for people: what would be done."),
  preview: ApprovalPreview.optional().describe("What would change."),
  confirm: z.string().optional().describe("What whoever agrees has to type: the frame `approve` says it as `confirm`."),
  four_eyes: z.literal(true).optional().describe("Somebody else than whoever asked for it has to agree."),
  like_ms: z
    .number()
    .int()
    .positive()
    .optional()
    .describe(
      "For so long, at most, one may agree to calls like this one as well: the frame `approve` says it as `like_ms`.",
    ),
  form: ApprovalForm.optional(),
  policy_reason: z.string().optional().describe("Why a person is asked, in the operator's words."),
  expires_at: z
    .number()
    .describe("Undecided by then it counts as denied, ms since 1970. For display: the broker's clock decides."),
});
export type ApprovalRequest = z.infer<typeof ApprovalRequest>;

export const Decider = z
  .object({
    id: z.string().describe("Of a user."),
    name: z.string().optional().describe("Of a user whose token has one."),
  })
  .describe("Who decided.");

export const ApprovalDecision = z.object({
  approved: z.boolean().describe("Whether the call runs."),
  by: Decider.optional().describe("Who decided. Absent: nobody, the time is over."),
  reason: z.string().optional().describe("Why, in the words of whoever decided; `expired`: the time is over."),
  like_for_ms: z
    .number()
    .int()
    .positive()
    .optional()
    .describe("Calls like this one run without a question for so long, in this conversation."),
});
export type ApprovalDecision = z.infer<typeof ApprovalDecision>;

/** In the part of a call: what was asked and, once it is, how it was decided. */
export const ApprovalState = ApprovalRequest.partial()
  .extend(ApprovalDecision.partial().shape)
  .describe("A person has to agree, or had to. Without `approved` nobody has decided yet.");
export type ApprovalState = z.infer<typeof ApprovalState>;
