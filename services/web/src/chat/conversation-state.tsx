import type { FrameError } from "@parley/protocol";
import type { ReactNode } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { useWords, type Words } from "../words/use-words.ts";

/** While nothing is known. It comes late, so that a quick answer does not make it flash. */
export function LoadingState() {
  const { chat } = useWords();
  return (
    <div className="chat-loading" role="status" aria-label={chat.loading}>
      {[1, 2].map((turn) => (
        <div key={turn} className="chat-loading-turn">
          <span className="ui-skeleton chat-loading-own" />
          <span className="ui-skeleton chat-loading-line" />
          <span className="ui-skeleton chat-loading-line" />
          <span className="ui-skeleton chat-loading-line chat-loading-short" />
        </div>
      ))}
    </div>
  );
}

interface EmptyStateProps {
  readonly examples: readonly string[];
  readonly onExample: (text: string) => void;
}

/** A conversation without messages. Examples are those of the agents; where they give none there are none. */
export function EmptyState({ examples, onExample }: EmptyStateProps) {
  const { chat } = useWords();
  return (
    <div className="chat-state">
      <h2 className="chat-state-title">{chat.emptyTitle}</h2>
      <p className="chat-state-text">{chat.emptyText}</p>
      {examples.length === 0 ? null : (
        <ul className="chat-examples" aria-label={chat.examples}>
          {examples.map((example) => (
            <li key={example}>
              <button type="button" className="chat-example" onClick={() => onExample(example)}>
                {example}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

interface RefusedStateProps {
  readonly refusal: FrameError;
  readonly onRetry: () => void;
  readonly onNew: (() => void) | undefined;
}

/** The server does not show the conversation: why, and what can be done. */
export function RefusedState({ refusal, onRetry, onNew }: RefusedStateProps) {
  const words = useWords();
  const sentence = useErrorSentence();
  const { icon, title, text } = told(refusal, words);
  const isFinal = refusal.code === "NOT_FOUND" || refusal.code === "FORBIDDEN";
  return (
    <div className="chat-state" role="alert">
      <span className="chat-state-icon">
        <Icon name={icon} />
      </span>
      <h2 className="chat-state-title">{title}</h2>
      <p className="chat-state-text">{text ?? sentence(refusalError(refusal))}</p>
      <div className="chat-state-actions">
        {isFinal ? null : (
          <button type="button" className="ui-button" onClick={onRetry}>
            {words.chat.tryAgain}
          </button>
        )}
        {onNew === undefined ? null : (
          <button type="button" className="ui-button ui-button-primary" onClick={onNew}>
            {words.chat.startNew}
          </button>
        )}
      </div>
    </div>
  );
}

/** Whoever was a member and is none any more: that, and the way to what is theirs. */
export function LeftState({ onNew }: Pick<RefusedStateProps, "onNew">) {
  const { room } = useWords();
  return (
    <div className="chat-state" role="alert">
      <span className="chat-state-icon">
        <Icon name="people" />
      </span>
      <h2 className="chat-state-title">{room.goneTitle}</h2>
      <p className="chat-state-text">{room.goneText}</p>
      {onNew === undefined ? null : (
        <div className="chat-state-actions">
          <button type="button" className="ui-button ui-button-primary" onClick={onNew}>
            {room.toConversations}
          </button>
        </div>
      )}
    </div>
  );
}

interface Told {
  readonly icon: IconName;
  readonly title: string;
  readonly text?: string;
}

function told({ code, frame }: FrameError, { chat }: Words): Told {
  if (frame === "delete") return { icon: "trash", title: chat.deletedTitle, text: chat.deletedText };
  if (code === "NOT_FOUND") return { icon: "question", title: chat.notFoundTitle, text: chat.notFoundText };
  if (code === "FORBIDDEN") return { icon: "denied", title: chat.forbiddenTitle, text: chat.forbiddenText };
  if (code.startsWith("AUTH_")) return { icon: "person", title: chat.signedOutTitle, text: chat.signedOutText };
  return { icon: "alert", title: chat.failedTitle };
}

function refusalError({ code, error }: FrameError): Error {
  return Object.assign(new Error(error), { code });
}

/** In the list's place: keeps the middle of the pane. */
export function StatePane({ children }: { readonly children: ReactNode }) {
  return <div className="chat-scroller chat-state-pane">{children}</div>;
}
