import { z } from "zod";
import type { ConformanceWorld } from "./world.ts";

/** Results of tools as clients of MCP have them. */
export const McpResult = z.looseObject({
  content: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
  structuredContent: z.looseObject({
    conversation_id: z.string(),
    turn_id: z.string(),
    status: z.string(),
    tool_calls: z.array(z.looseObject({ tool_name: z.string(), status: z.string().optional() })),
    waiting_for: z.array(z.looseObject({ call_id: z.string() })).optional(),
    usage: z.object({ input_tokens: z.number(), output_tokens: z.number() }).loose().optional(),
  }),
  isError: z.boolean().optional(),
});
export type McpResult = z.infer<typeof McpResult>;

export function textOf({ content }: McpResult): string {
  return content[0]?.text ?? "";
}

const Page = z.object({ conversations: z.array(z.object({ conversation_id: z.string() })) });
const Messages = z.object({ messages: z.array(z.object({ status: z.string(), turn_id: z.string() })) });

/** What is kept of the conversation in which somebody wrote last. */
export async function lastAnswers(
  { edges, token }: ConformanceWorld,
  name: string,
): Promise<z.infer<typeof Messages>["messages"]> {
  const url = `http://127.0.0.1:${edges[1].port}/api/v1/conversations`;
  const headers = { authorization: `Bearer ${await token(name)}` };
  const page = Page.parse(await (await fetch(`${url}?limit=1`, { headers })).json());
  const response = await fetch(`${url}/${page.conversations[0]?.conversation_id ?? ""}/messages`, { headers });
  return Messages.parse(await response.json()).messages;
}
