import { messages, textOf, type ConversationView, type MessageView } from "@parley/protocol/fold";
import type { Block, State, StateMessage } from "./protocol.ts";
import { callBlock, sourcesOf, stepsOf, type Step } from "./steps.ts";
import { stepId, usageOf } from "./turn-events.ts";

/** The ids of what was told of a turn; undefined: nothing was. */
type IdsOf = (turnId: string) => ((step: number) => string) | undefined;

/** What a thread is for LangGraph: its messages. `questionIds`: the ids under which questions were sent, by turn. */
export function stateOf(view: ConversationView, idsOf: IdsOf, questionIds: ReadonlyMap<string, string>): State {
  return {
    messages: messages(view).flatMap((message) => {
      const { turn_id, message_id, author } = message;
      if (author.role === "assistant") return answerMessages(message, idsOf(turn_id));
      const name = author.name === undefined ? {} : { name: author.name };
      // A person who answers in place of the agent is no user.
      if (author.role === "operator")
        return { type: "ai", id: message_id, content: textOf(message), tool_calls: [], ...name } as const;
      return { type: "human", id: questionIds.get(turn_id) ?? message_id, content: textOf(message), ...name } as const;
    }),
  };
}

function answerMessages(
  { turn_id, parts, outcome, status }: MessageView,
  idOf = (at: number) => stepId(turn_id, at),
): StateMessage[] {
  const all = stepsOf(parts);
  // The SDK takes the messages of a state as complete, and heeds nothing that a stream says of them later.
  const isOpen = status === "running" && all.at(-1)?.calls.length === 0;
  const steps = isOpen ? all.slice(0, -1) : all;
  const sources = sourcesOf(parts);
  return steps.flatMap((step, at): StateMessage[] => {
    const isLast = at === steps.length - 1;
    const answer: StateMessage = {
      type: "ai",
      id: idOf(at),
      content: contentOf(step),
      tool_calls: step.calls.map(callBlock),
      ...(isLast && outcome !== undefined ? { usage_metadata: usageOf(outcome.usage) } : {}),
      ...(isLast && sources.length > 0 ? { additional_kwargs: { sources } } : {}),
    };
    return [answer, ...resultsOf(step)];
  });
}

/** Text alone is a string, as most that show messages expect it. */
function contentOf({ blocks }: Step): string | Block[] {
  const said = blocks.filter(({ type }) => type !== "tool_call");
  const texts = said.flatMap((block) => (block.type === "text" ? [block.text] : []));
  return texts.length === said.length ? texts.join("") : said;
}

function resultsOf({ calls }: Step): StateMessage[] {
  return calls.flatMap(({ call_id, tool_name, status, result = "" }): StateMessage[] => {
    if (status === undefined) return [];
    const isDone = status === "completed";
    const id = `${call_id}-result`;
    return [
      {
        type: "tool",
        id,
        tool_call_id: call_id,
        name: tool_name,
        content: result,
        status: isDone ? "success" : "error",
      },
    ];
  });
}
