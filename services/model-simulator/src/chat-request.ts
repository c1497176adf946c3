import { z } from "zod";

const textPart = z.looseObject({ type: z.string(), text: z.string().optional() });
const content = z.union([z.string(), z.array(textPart)]).nullish();

const toolCall = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string().min(1), arguments: z.string() }),
});

const message = z.discriminatedUnion("role", [
  z.object({ role: z.literal("system"), content }),
  z.object({ role: z.literal("developer"), content }),
  z.object({ role: z.literal("user"), content }),
  z.object({ role: z.literal("assistant"), content, tool_calls: z.array(toolCall).min(1).optional() }),
  z.object({ role: z.literal("tool"), content, tool_call_id: z.string() }),
]);

const jsonSchema = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
});

const tool = z.object({
  type: z.literal("function"),
  function: z.object({
    name: z.string().min(1),
    description: z.string().optional(),
    parameters: jsonSchema.optional(),
  }),
});

const namedTool = z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) });

/** The part of a chat completion request that changes the answer. Unknown fields are ignored, as providers do. */
export const ChatRequest = z.object({
  model: z.string().min(1),
  messages: z.array(message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  tools: z.array(tool).optional(),
  tool_choice: z.union([z.enum(["none", "auto", "required"]), namedTool]).optional(),
  parallel_tool_calls: z.boolean().optional(),
  max_tokens: z.number().int().positive().nullish(),
  max_completion_tokens: z.number().int().positive().nullish(),
});
export type ChatRequest = z.infer<typeof ChatRequest>;
export type ChatMessage = ChatRequest["messages"][number];
export type OfferedTool = NonNullable<ChatRequest["tools"]>[number]["function"];

/** The tool by which Parley asks which agent a message is for (routing/agent-question.ts of the agent worker). */
export const CHOICE_TOOL = "choose_agent";

/** Such a request quotes what a person wrote: what it says to the simulator is for the request that answers it. */
export function asksForAgent({ tools = [] }: Pick<ChatRequest, "tools">): boolean {
  return tools.some((offered) => offered.function.name === CHOICE_TOOL);
}

/** The text of a message, whichever of the two forms it came in. */
export function textOf(entry: ChatMessage): string {
  if (typeof entry.content === "string") return entry.content;
  return (entry.content ?? []).map((part) => part.text ?? "").join("");
}

/**
 * Why real providers would refuse this order of messages, or undefined. Every call needs its result right behind it and
 * every result its call; a simulator that let this pass would hide a broken history.
 */
export function findHistoryFault(messages: readonly ChatMessage[]): string | undefined {
  let waiting = new Set<string>();
  for (const [index, entry] of messages.entries()) {
    if (entry.role === "tool") {
      if (!waiting.delete(entry.tool_call_id)) {
        return `messages[${index}] has role 'tool' but answers no tool call of the message before it.`;
      }
      continue;
    }
    if (waiting.size > 0) return unanswered(waiting);
    waiting = new Set(entry.role === "assistant" ? entry.tool_calls?.map((call) => call.id) : []);
  }
  return waiting.size > 0 ? unanswered(waiting) : undefined;
}

function unanswered(ids: ReadonlySet<string>): string {
  return `An assistant message with 'tool_calls' must be followed by a tool message for each call; missing: ${[...ids].join(", ")}.`;
}
