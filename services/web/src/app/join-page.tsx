import { useState, type ReactNode } from "react";
import { useApi, useErrorSentence } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";
import { conversationAddress } from "./navigation.ts";

export interface JoinPageProps {
  /** Of the link. */
  readonly token: string;
  readonly go: (path: string, options?: { readonly instead: boolean }) => void;
  readonly onJoined: () => void;
  readonly headerStart: ReactNode;
}

/** What a link to join leads to: nobody becomes a member by looking at it. */
export function JoinPage({ token, go, onJoined, headerStart }: JoinPageProps) {
  const { room, app } = useWords();
  const api = useApi();
  const sentence = useErrorSentence();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const join = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const id = await api.join(token);
      onJoined();
      // Back leads to where they were, not to the link.
      go(conversationAddress(id), { instead: true });
    } catch (thrown) {
      setProblem(thrown);
      setBusy(false);
    }
  };
  const hasFailed = problem !== undefined;
  return (
    <>
      <header className="app-header">{headerStart}</header>
      <div className="app-message people-join" role={hasFailed ? "alert" : undefined}>
        <h1 className="app-message-title">{hasFailed ? room.joinFailed : room.joinTitle}</h1>
        {hasFailed ? (
          <>
            <p>{sentence(problem)}</p>
            <p className="ui-note">{room.joinFailedText}</p>
          </>
        ) : (
          <p>{room.joinText}</p>
        )}
        <button type="button" className="ui-button ui-button-primary" disabled={isBusy} onClick={() => void join()}>
          {isBusy ? room.joining : hasFailed ? app.tryAgain : room.joinDo}
        </button>
      </div>
    </>
  );
}
