import { z } from "zod";
import { ClientCall } from "./given-context.ts";
import { openEnum } from "./open-enum.ts";
import { AnswerContext } from "./source.ts";

export const HandoverState = openEnum(["waiting", "taken", "ended"]);

export const AnswerMetadata = z
  .object({
    agent: z.string().optional().describe("The agent that answered."),
    confidence: z.number().optional().describe("How sure it is that this agent was the right one, 0 to 1."),
    model: z.string().optional().describe("The model that answered, as it calls itself."),
    context: AnswerContext.optional().describe("The passages of documents that the model was given."),
    finish: openEnum(["stop", "length", "content_filter", "empty", "other"])
      .optional()
      .describe(
        "How the model ended: `stop` said all it wanted to; `length` and `content_filter` cut the answer, `empty` there is none, `other` nobody knows.",
      ),
    tool: z
      .string()
      .optional()
      .describe("No model was asked: the answer is what this tool returned, which the message named."),
    client_calls: z
      .array(ClientCall)
      .optional()
      .describe(
        "The model asks for tools that its client has brought, and runs itself: the client sends the results with its next message.",
      ),
    handover: HandoverState.optional().describe(
      "A person was asked for, or answers, in place of the agent: how that stood. No model was asked unless there is a `model`.",
    ),
    posted: z
      .literal(true)
      .optional()
      .describe("It was a message between people: no agent was asked, and there is no answer."),
  })
  .describe("Who answered, and from what.");
export type AnswerMetadata = z.infer<typeof AnswerMetadata>;
