import { useEffect, type ReactNode } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";
import type { Approvals } from "./use-approvals.ts";

interface ApprovalsPageProps {
  readonly approvals: Approvals;
  readonly headerStart: ReactNode;
}

export function ApprovalsPage({ approvals, headerStart }: ApprovalsPageProps) {
  const { app } = useWords();
  const sentenceOf = useErrorSentence();
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
        {String(approvals.items?.length)}
        {sentenceOf(approvals.error)}
      </div>
    </>
  );
}
