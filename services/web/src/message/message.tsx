import type { MessageView } from "@parley/protocol/fold";
import { memo, type ReactNode } from "react";
import { loadMarkdown } from "../text/markdown.tsx";
import { Answer } from "./answer.tsx";
import { Question } from "./question.tsx";
import type { MessageExtra } from "./room.ts";

export interface MessageProps {
  readonly conversationId: string;
  /** The same object as long as nothing of it has changed: the fold sees to that. */
  readonly message: MessageView;
  /** What the chat pane offers below it: copy, feedback, try again. */
  readonly actions?: ReactNode;
  /** What is shown of it where several people are, or where something became of it. */
  readonly extra?: MessageExtra | undefined;
}

// Who shows messages needs it soon, and a question is shown before its answer.
void loadMarkdown();

/** One message with its parts in their order. */
export const Message = memo(function Message({ conversationId, message, actions, extra }: MessageProps) {
  if (message.author.role !== "assistant") return <Question message={message} actions={actions} extra={extra} />;
  return <Answer conversationId={conversationId} message={message} actions={actions} extra={extra} />;
});
