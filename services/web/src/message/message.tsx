import type { MessageView } from "@parley/protocol/fold";
import { memo, type ReactNode } from "react";

export interface MessageProps {
  readonly conversationId: string;
  /** The same object as long as nothing of it has changed: the fold sees to that. */
  readonly message: MessageView;
  /** What the chat pane offers below it: copy, feedback, try again. */
  readonly actions?: ReactNode;
}

/** One message with its parts in their order. */
export const Message = memo(function Message({ message, actions }: MessageProps) {
  return (
    <article>
      {message.parts.map((part, index) => (
        // Parts only ever come behind others.
        <p key={index}>{part.type}</p>
      ))}
      {actions}
    </article>
  );
});
