import type { HistoryView } from "@parley/react";
import { useErrorSentence } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";

/** Rows are placed below it: chat.css gives it this height. */
export const headPx = 56;

interface ListHeadProps {
  /** Undefined: there is nothing before the first row. */
  readonly history: HistoryView | undefined;
  /** Whether all rows that are there are drawn. */
  readonly isWhole: boolean;
}

/** Above the first message: where the conversation begins, or that there is more. */
export function ListHead({ history, isWhole }: ListHeadProps) {
  const { chat } = useWords();
  const sentence = useErrorSentence();
  if (history?.error !== undefined) {
    return (
      <div className="chat-head" role="alert">
        <span className="ui-error">
          {chat.olderFailed} {sentence(history.error)}
        </span>
        <button type="button" className="ui-button ui-button-small" onClick={history.loadOlder}>
          {chat.tryAgain}
        </button>
      </div>
    );
  }
  if (isWhole && history?.hasMore !== true) return <div className="chat-head">{chat.beginning}</div>;
  return (
    <div className="chat-head">
      {history?.isLoading === true ? (
        <>
          <span className="ui-spinner" />
          <span>{chat.loadingOlder}</span>
        </>
      ) : null}
    </div>
  );
}
