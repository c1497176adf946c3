import { attachmentsOf, withoutFiles } from "./attachments.ts";
import { asksForAgent, type ChatMessage, type ChatRequest, type OfferedTool, textOf } from "./chat-request.ts";
import { withoutDirectives } from "./control.ts";
import { summarisedQuestions } from "./summary-answer.ts";

export type ToolOutcome = { toolName: string; content: string };

/** What a model knows when it is asked: the question, what has been done about it, and what came before. */
export type Turn = {
  question: string;
  /** How often this question has already led to tool calls. */
  stepsDone: number;
  /** Results of all tool calls of this question, in order. */
  outcomes: ToolOutcome[];
  /** What the same person said before, oldest first. */
  earlierQuestions: string[];
  /** Everything the other roles said before or during this turn, newest first; names of things are looked up in it. */
  background: string[];
  /** What came with the question beside its text, a sentence for each. */
  attached: string[];
  /** Text of all system messages. */
  instructions: string;
  tools: OfferedTool[];
  /** The tool that `tool_choice` demands when the question itself leads to none. */
  mustCall: string | undefined;
};

export function readTurn(request: ChatRequest): Turn {
  const { messages } = request;
  const asked = messages.findLastIndex((entry) => entry.role === "user");
  const tools = request.tool_choice === "none" ? [] : (request.tools ?? []).map((tool) => tool.function);
  const current = messages.slice(asked + 1);
  const instructions = messages
    .filter((entry) => entry.role === "system" || entry.role === "developer")
    .map(textOf)
    .join("\n\n");
  const earlier = messages.slice(0, Math.max(asked, 0)).filter((entry) => entry.role === "user");
  return {
    question: asked < 0 ? "" : asksForAgent(request) ? wholeOf(messages[asked]) : questionOf(messages[asked]),
    attached: attachmentsOf(messages[asked]),
    stepsDone: current.filter((entry) => entry.role === "assistant" && entry.tool_calls !== undefined).length,
    outcomes: outcomesOf(current),
    earlierQuestions: [...summarisedQuestions(instructions), ...earlier.map(questionOf)],
    background: messages
      .filter((entry) => entry.role === "assistant" || entry.role === "tool")
      .map(textOf)
      .toReversed(),
    instructions,
    tools,
    mustCall: demandedTool(request.tool_choice, tools),
  };
}

function demandedTool(choice: ChatRequest["tool_choice"], tools: readonly OfferedTool[]): string | undefined {
  if (typeof choice === "object") return choice.function.name;
  return choice === "required" ? tools[0]?.name : undefined;
}

function wholeOf(entry: ChatMessage | undefined): string {
  return entry === undefined ? "" : textOf(entry);
}

function questionOf(entry: ChatMessage | undefined): string {
  return entry === undefined ? "" : withoutDirectives(withoutFiles(textOf(entry)));
}

function outcomesOf(messages: readonly ChatMessage[]): ToolOutcome[] {
  const names = new Map<string, string>();
  const outcomes: ToolOutcome[] = [];
  for (const entry of messages) {
    if (entry.role === "assistant") for (const call of entry.tool_calls ?? []) names.set(call.id, call.function.name);
    if (entry.role === "tool")
      outcomes.push({ toolName: names.get(entry.tool_call_id) ?? "tool", content: textOf(entry) });
  }
  return outcomes;
}
