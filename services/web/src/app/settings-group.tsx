import type { ReactNode } from "react";
import { useErrorSentence } from "../api/use-api.ts";

interface SettingsGroupProps {
  readonly words: { readonly title: string; readonly lead: string; readonly failed: (why: string) => string };
  /** What went wrong last; undefined: nothing. */
  readonly problem: unknown;
  readonly children: ReactNode;
}

/** Settings that are kept at the server: what they are for, and what went wrong with them. */
export function SettingsGroup({ words: { title, lead, failed }, problem, children }: SettingsGroupProps) {
  const sentenceOf = useErrorSentence();
  return (
    <section className="app-settings-group" aria-label={title}>
      <p className="ui-label">{title}</p>
      <p className="ui-note">{lead}</p>
      {problem !== undefined && (
        <p className="ui-error" role="alert">
          {failed(sentenceOf(problem))}
        </p>
      )}
      {children}
    </section>
  );
}
