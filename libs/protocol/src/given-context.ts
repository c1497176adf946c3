import { z } from "zod";
import { ToolArguments } from "./tool-calls.ts";

/**
 * What comes with a message whose sender keeps the conversation itself, or brings tools of its own (OpenAI's protocols). It says nothing of who somebody is or what
 * they may do: it is one caller's prompt. Only edges write it; a native frame has no such field.
 */

/** A call of a tool that is the client's: it is handed to the client, and nobody here runs it. */
export const ClientCall = z
  .object({
    call_id: z.string().min(1).max(256).describe("Comes back with the result."),
    tool_name: z.string().min(1).max(128).describe("The client's tool."),
    arguments: z.string().describe("As the model wrote them: text that should be a JSON object."),
  })
  .describe("A call of a tool that the client has brought with its message.");
export type ClientCall = z.infer<typeof ClientCall>;

export const GivenMessage = z.discriminatedUnion("role", [
  z.object({ role: z.literal("system"), content: z.string() }),
  z.object({ role: z.literal("user"), content: z.string() }),
  z.object({ role: z.literal("assistant"), content: z.string(), calls: z.array(ClientCall).optional() }),
  z.object({ role: z.literal("tool"), call_id: z.string(), content: z.string() }),
]);
export type GivenMessage = z.infer<typeof GivenMessage>;

export const GivenTool = z.object({
  name: z.string(),
  description: z.string().optional(),
  /** A JSON Schema. */
  parameters: ToolArguments,
});
export type GivenTool = z.infer<typeof GivenTool>;

/** `none`: no tools at all, not the agent's either. With an object: this tool of the client's. */
export const GivenChoice = z.union([z.enum(["auto", "none", "required"]), z.object({ name: z.string() })]);
export type GivenChoice = z.infer<typeof GivenChoice>;

/** One call of a tool that is all there is to do: no model is asked, and the result is the answer. It is committed, permitted and run as one that a model asked for. */
export const GivenCall = z.object({ tool_name: z.string().min(1).max(64), arguments: ToolArguments });
export type GivenCall = z.infer<typeof GivenCall>;

export const GivenContext = z.object({
  /** A worker of an older version does not see it; what stands beside it has to keep such a one from doing anything else. */
  call: GivenCall.optional(),
  /** All that the model is to see of the conversation, the newest message included. Absent: the conversation is the one that is kept here. */
  messages: z.array(GivenMessage).optional(),
  tools: z.array(GivenTool).optional(),
  tool_choice: GivenChoice.optional(),
  /** Tokens of one answer of the model. */
  max_tokens: z.number().int().positive().optional(),
  /** Handed to the model's provider by these names, as they are. */
  options: z.record(z.string(), z.unknown()).optional(),
});
export type GivenContext = z.infer<typeof GivenContext>;
