import { useConnection } from "@parley/react";
import { useCallback, useEffect, useState, type ReactNode } from "react";
import type { ApprovalQuestion, OpenApproval } from "../api/answers.ts";
import { useApi, useErrorSentence } from "../api/use-api.ts";
import { ApprovalCard } from "../message/approval-card.tsx";
import { useAheadMs } from "../message/server-clock.ts";
import { useWords } from "../words/use-words.ts";
import type { Approvals } from "./use-approvals.ts";

export interface ApprovalsPageProps {
  readonly approvals: Approvals;
  readonly headerStart: ReactNode;
}

/** What waits for this person's word in other people's conversations. */
export function ApprovalsPage({ approvals, headerStart }: ApprovalsPageProps) {
  const { app } = useWords();
  useAskingOften(approvals.reload);
  useEffect(() => {
    document.title = `${app.approvals.name} · ${app.productName}`;
  }, [app]);
  return (
    <>
      <header className="app-header">
        {headerStart}
        <h1 className="app-header-title">{app.approvals.name}</h1>
      </header>
      <div className="app-approvals">
        <div className="app-approvals-inner">
          <Questions approvals={approvals} />
        </div>
      </div>
    </>
  );
}

/** Who was just asked to approve something finds it here. */
const askEachMs = 3_000;

function useAskingOften(ask: () => void): void {
  useEffect(() => {
    ask();
    const timer = setInterval(() => {
      if (!document.hidden) ask();
    }, askEachMs);
    return () => clearInterval(timer);
  }, [ask]);
}

/** The server lists no more. */
const maxListed = 50;

function Questions({ approvals: { items, isAllowed, error, reload } }: Pick<ApprovalsPageProps, "approvals">) {
  const { app } = useWords();
  const sentenceOf = useErrorSentence();
  const shown = useStaying(items ?? []);
  const listed = new Set(items?.map(({ call_id }) => call_id));
  return (
    <>
      <p className="app-approvals-lead">{app.approvals.lead}</p>
      {error !== undefined && (
        <p className="ui-error" role="alert">
          {app.approvals.failed} {sentenceOf(error)}
          <button type="button" className="ui-button ui-button-small app-inline-button" onClick={reload}>
            {app.tryAgain}
          </button>
        </p>
      )}
      {items === undefined && error === undefined && <p role="status">{app.loading}</p>}
      {items !== undefined && shown.length === 0 && (
        <p role="status">{isAllowed ? app.approvals.empty : app.approvals.forbidden}</p>
      )}
      <ul className="app-approvals-list">
        {shown.map((asked) => (
          <li key={asked.call_id}>
            <Question asked={asked} isListed={listed.has(asked.call_id)} onDecided={reload} />
          </li>
        ))}
      </ul>
      {listed.size >= maxListed && <p className="ui-note">{app.approvals.more}</p>}
    </>
  );
}

/** What was decided stays where it is, and says how, for as long as somebody looks: nothing jumps away below a finger. */
function useStaying(items: readonly OpenApproval[]): readonly OpenApproval[] {
  const [shown, setShown] = useState(items);
  const known = new Set(shown.map(({ call_id }) => call_id));
  const fresh = items.filter(({ call_id }) => !known.has(call_id));
  if (fresh.length === 0) return shown;
  const next = [...fresh, ...shown];
  setShown(next);
  return next;
}

interface QuestionProps {
  readonly asked: OpenApproval;
  /** It still waits, as the list says. */
  readonly isListed: boolean;
  readonly onDecided: () => void;
}

function Question({ asked, isListed, onDecided }: QuestionProps) {
  const { app, formats } = useWords();
  const api = useApi();
  const { isOnline } = useConnection();
  const aheadMs = useAheadMs();
  const { question, look } = useQuestion(asked, isListed);
  const { conversation_id: conversationId, call_id: callId, tool_name } = asked;
  const { decision, preview, ...terms }: ApprovalQuestion = question ?? asked;
  const approval = { ...terms, ...(preview === undefined ? {} : { preview }), ...decision };
  const name = asked.user.name ?? asked.user.id;
  return (
    <>
      <p className="app-approvals-whose">
        <strong dir="auto">{app.approvals.forUser(name)}</strong>
        {" · "}
        <code className="app-approvals-tool">{tool_name}</code>
        {" · "}
        <time dateTime={new Date(asked.asked_at).toISOString()} title={formats.full(asked.asked_at)}>
          {app.approvals.asked(formats.time(asked.asked_at))}
        </time>
      </p>
      <ApprovalCard
        call={{ call_id: callId, tool_name, approval }}
        decide={async (approved, said) => {
          await api.decide(conversationId, callId, { ...said, approved });
          await look();
          onDecided();
        }}
        isOther
        isOver={!isListed && decision === undefined}
        isOffline={!isOnline}
        aheadMs={aheadMs}
      />
    </>
  );
}

/** One question whole, with what would change; looked at again when it waits no more: then it says how it was decided. */
function useQuestion({ conversation_id: conversationId, call_id: callId }: OpenApproval, isListed: boolean) {
  const api = useApi();
  const [question, setQuestion] = useState<ApprovalQuestion>();
  const look = useCallback(
    // What cannot be had is not shown; the list has all that is needed to decide.
    () => api.approval(conversationId, callId).then(setQuestion, () => undefined),
    [api, conversationId, callId],
  );
  useEffect(() => void look(), [look]);
  useEffect(() => {
    if (!isListed) void look();
  }, [look, isListed]);
  return { question, look };
}
