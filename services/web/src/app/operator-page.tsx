import { useCallback, useEffect, useState, type ReactNode } from "react";
import { ApiError } from "../api/api-error.ts";
import type { OpenHandover } from "../api/handovers.ts";
import { useApi, useErrorSentence } from "../api/use-api.ts";
import { useNow } from "../ui/use-now.ts";
import { whileSeen } from "../ui/while-seen.ts";
import { useWords } from "../words/use-words.ts";
import { conversationAddress } from "./navigation.ts";

export interface OperatorPageProps {
  readonly userId: string;
  readonly go: (path: string) => void;
  readonly headerStart: ReactNode;
}

const pollMs = 3_000;

/** Who waits for a person: one takes a conversation here, and answers in it on its own page. */
export function OperatorPage({ userId, go, headerStart }: OperatorPageProps) {
  const { app } = useWords();
  const sentenceOf = useErrorSentence();
  const { items, error, reload } = useQueue();
  const [refused, setRefused] = useState<unknown>();
  const api = useApi();
  useEffect(() => {
    document.title = `${app.operator.name} · ${app.productName}`;
  }, [app]);
  const open = (id: string): void => go(conversationAddress(id));
  const take = (id: string): void => {
    setRefused(undefined);
    api.takeHandover(id).then(
      () => open(id),
      (thrown: unknown) => {
        // Somebody was quicker, or it is over: the list says which of them still wait.
        setRefused(thrown);
        reload();
      },
    );
  };
  const problem = refused ?? error;
  return (
    <>
      <header className="app-header">
        {headerStart}
        <h1 className="app-header-title">{app.operator.name}</h1>
      </header>
      <div className="app-approvals">
        <div className="app-approvals-inner">
          <p className="app-approvals-lead">{app.operator.lead}</p>
          {problem !== undefined && (
            <p className="ui-error" role="alert">
              {isForbidden(problem) ? app.operator.forbidden : sentenceOf(problem)}
            </p>
          )}
          {items === undefined && problem === undefined && <p role="status">{app.loading}</p>}
          {items?.length === 0 && <p role="status">{app.operator.empty}</p>}
          <ul className="app-approvals-list">
            {(items ?? []).map((one) => (
              <li key={one.conversation_id}>
                <Waiting one={one} userId={userId} onTake={take} onOpen={open} />
              </li>
            ))}
          </ul>
        </div>
      </div>
    </>
  );
}

function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403;
}

function useQueue() {
  const api = useApi();
  const [items, setItems] = useState<readonly OpenHandover[]>();
  const [error, setError] = useState<unknown>();
  const load = useCallback(() => {
    api.handovers().then((found) => {
      setItems(found);
      setError(undefined);
    }, setError);
  }, [api]);
  useEffect(() => whileSeen(load, pollMs), [load]);
  return { items, error, reload: load };
}

interface WaitingProps {
  readonly one: OpenHandover;
  readonly userId: string;
  readonly onTake: (id: string) => void;
  readonly onOpen: (id: string) => void;
}

const secondMs = 1_000;

function Waiting(props: WaitingProps) {
  const { one } = props;
  const { app, formats } = useWords();
  const { user, reason, asked_at: askedAt } = one;
  const minutes = Math.max(0, Math.floor((useNow(30 * secondMs) - askedAt) / (60 * secondMs)));
  return (
    <article className="app-handover" aria-label={user.name ?? user.id}>
      <p className="app-approvals-whose">
        <strong dir="auto">{user.name ?? user.id}</strong>
        {" · "}
        <time dateTime={new Date(askedAt).toISOString()} title={formats.full(askedAt)}>
          {app.operator.waits(minutes)}
        </time>
      </p>
      {reason !== undefined && <p dir="auto">{reason}</p>}
      <WhatToDo {...props} />
    </article>
  );
}

function WhatToDo({ one, userId, onTake, onOpen }: WaitingProps) {
  const { operator: words } = useWords().app;
  const { conversation_id: id, state, operator = { id: "", name: undefined } } = one;
  const isMine = operator.id === userId;
  if (state === "taken" && !isMine)
    return <p className="ui-note">{words.takenBy(operator.name ?? operator.id ?? "")}</p>;
  return (
    <button type="button" className="ui-button" onClick={() => (isMine ? onOpen(id) : onTake(id))}>
      {isMine ? words.open : words.take}
    </button>
  );
}
