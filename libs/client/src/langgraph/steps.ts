import {
  isReasoning,
  isSource,
  isText,
  isToolCall,
  type Part,
  type Parts,
  type ToolCallPart,
} from "@parley/protocol/fold";
import type { Block, ToolCallBlock } from "./protocol.ts";

/**
 * An answer of Parley is one message with its tool calls where they stood. LangChain has a message for each step of the model, which ends with the calls that it
 * asks for; their results are messages of their own.
 */
export interface Step {
  readonly blocks: readonly Block[];
  readonly calls: readonly ToolCallPart[];
}

export function stepsOf(parts: Parts): Step[] {
  const steps: { blocks: Block[]; calls: ToolCallPart[] }[] = [];
  for (const part of parts) {
    const block = blockOf(part);
    if (block === undefined) continue;
    let step = steps.at(-1);
    // What the model says behind a call is its next step.
    if (step === undefined || (step.calls.length > 0 && block.type !== "tool_call"))
      steps.push((step = { blocks: [], calls: [] }));
    step.blocks.push(block);
    if (isToolCall(part)) step.calls.push(part);
  }
  return steps;
}

function blockOf(part: Part): Block | undefined {
  if (isText(part)) return { type: "text", text: part.text };
  if (isReasoning(part)) return { type: "reasoning", reasoning: part.text };
  return isToolCall(part) ? callBlock(part) : undefined;
}

export function callBlock({ call_id, tool_name, arguments: args }: ToolCallPart): ToolCallBlock {
  return { type: "tool_call", id: call_id, name: tool_name, args };
}

/** What a person is asked of a call. */
export function questionOf({ tool_name, arguments: args, approval }: ToolCallPart): Record<string, unknown> {
  return { tool_name, arguments: args, ...approval };
}

/** What a block says, as far as it can grow. */
export function saidBy(block: Block): string {
  if (block.type === "text") return block.text;
  return block.type === "reasoning" ? block.reasoning : block.id;
}

export function sourcesOf(parts: Parts): Part[] {
  return parts.filter(isSource);
}
