import { z } from "zod";
import { CallId } from "./ids.ts";
import { openEnum } from "./open-enum.ts";
import { ProviderCall } from "./provider-call.ts";

/** Tool calls: as a model asks for them, as a step commits them, and as they end. */

/** `unknown`: it changes something, had begun, and nobody knows what came of it. Clients that do not know the word are told `failed`. */
export const ToolStatus = z.enum(["completed", "failed", "denied", "cancelled", "timeout", "unknown"]);
export type ToolStatus = z.infer<typeof ToolStatus>;

/** What people and the model read of a call of whose effect nobody knows. `reason`: a sentence or its beginning, as it follows a colon. */
export function unknownEffect(reason: string): string {
  return `It is not known whether this was done: ${reason} Check before you repeat it.`;
}

/** Arguments are whatever object the model produced; the tool's own schema checks them. */
export const ToolArguments = z.record(z.string(), z.unknown());
export type ToolArguments = z.infer<typeof ToolArguments>;

export const ToolCall = z.object({
  call_id: CallId,
  tool_name: z.string().describe("The tool, as the model called it."),
  arguments: ToolArguments.describe("What the model asked for."),
});
export type ToolCall = z.infer<typeof ToolCall>;

/** A call as a step committed it. `problem`: it cannot run (unknown tool, unreadable arguments); the sentence goes back to the model. */
export const StepCall = ToolCall.extend({ problem: z.string().optional(), provider: ProviderCall.optional() });
export type StepCall = z.infer<typeof StepCall>;

export const FinishedToolCall = ToolCall.extend({
  arguments: ToolArguments.describe(
    "What the model asked for; of long ones the beginnings of the values, see `arguments_bytes`.",
  ),
  arguments_bytes: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe("The whole arguments' size, as JSON in UTF-8, if `arguments` has only beginnings."),
  arguments_id: CallId.optional().describe(
    "The whole arguments are kept under this id, if `arguments` has only beginnings.",
  ),
  status: openEnum(ToolStatus.options).describe(
    "`completed`, or why it was not. `unknown`: it had begun, and nobody knows what came of it. Any other one means that it was not.",
  ),
  result: z.string().describe("What the model gets to read: the result, or what went wrong."),
  duration_ms: z.number().describe("How long it ran."),
  truncated: z.boolean().optional().describe("The result was longer and has been cut."),
  result_bytes: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe("The whole result's size, as UTF-8, if it is longer."),
  result_id: CallId.optional().describe("The whole result is kept under this id, if it is longer."),
}).describe("A tool call that has ended.");
export type FinishedToolCall = z.infer<typeof FinishedToolCall>;
