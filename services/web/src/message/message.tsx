import type { MessageView } from "@parley/protocol/fold";
import { memo, type ReactNode } from "react";
import { loadMarkdown } from "../text/markdown.tsx";
import { Answer } from "./answer.tsx";
import { Question } from "./question.tsx";

export interface MessageProps {
  readonly conversationId: string;
  /** The same object as long as nothing of it has changed: the fold sees to that. */
  readonly message: MessageView;
  /** What the chat pane offers below it: copy, feedback, try again. */
  readonly actions?: ReactNode;
}

// Who shows messages needs it soon, and a question is shown before its answer.
void loadMarkdown();

/** One message with its parts in their order. */
export const Message = memo(function Message({ conversationId, message, actions }: MessageProps) {
  if (message.author.role !== "assistant") return <Question message={message} actions={actions} />;
  return <Answer conversationId={conversationId} message={message} actions={actions} />;
});
