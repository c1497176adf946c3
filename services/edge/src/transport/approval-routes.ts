import {
  ApprovalDecision,
  ApprovalRequest,
  CallId,
  ConversationId,
  Decider,
  ToolArguments,
  TurnId,
} from "@parley/protocol";
import { z } from "zod";
import type { Commands } from "../commands/commands.ts";
import { jsonReply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

/** What waits for a person, for those who approve for others. Deciding is a route of the conversation. */

const maxListed = 50;

const Listed = z.object({
  conversation_id: ConversationId,
  turn_id: TurnId,
  call_id: CallId,
  tool_name: z.string(),
  ...ApprovalRequest.omit({ preview: true }).shape,
  asked_at: z.number().describe("ms since 1970, by the broker's clock."),
});

const ApprovalList = z.object({
  approvals: z.array(Listed.extend({ user: Decider.describe("For whom it would be done.") })),
});

const QuestionAnswer = Listed.extend({
  preview: ApprovalRequest.shape.preview,
  arguments: ToolArguments.optional().describe("Absent: forgotten, half an hour after it was asked."),
  decision: ApprovalDecision.extend({ expired: z.literal(true).optional() })
    .optional()
    .describe("Absent: nobody has decided yet."),
});

export function createApprovalRoutes({ approvals }: Pick<Commands, "approvals">): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/v1/approvals",
      summary:
        "What waits for a person's word in the caller's tenant, newest first: for who has the right `approval:decide`.",
      access: "user",
      params: nothing,
      query: z.object({ limit: z.coerce.number().int().min(1).max(maxListed).default(maxListed) }),
      body: nothing,
      responses: { 200: { description: "The questions, without their previews.", content: ApprovalList } },
      async handle({ caller }, { query: { limit } }) {
        return jsonReply(200, { approvals: await approvals.list(caller, limit) });
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/v1/conversations/:id/approvals/:call_id",
      summary: "What is asked about one call, whole, for whoever may decide on it.",
      access: "user",
      params: z.object({ id: ConversationId, call_id: CallId }),
      query: nothing,
      body: nothing,
      responses: { 200: { description: "The question, and how it was decided.", content: QuestionAnswer } },
      async handle({ caller }, { params: { id, call_id } }) {
        return jsonReply(200, QuestionAnswer.parse(await approvals.question(caller, id, call_id)));
      },
    }),
  ];
}
