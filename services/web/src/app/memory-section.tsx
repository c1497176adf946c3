import { useCallback, useEffect, useState, type FormEvent } from "react";
import type { RememberedFact, UserMemory } from "../api/memory-calls.ts";
import { useApi, useErrorSentence } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";

/** What agents remember of the person: to be seen, changed, deleted, and switched off. Nothing at all where the server has no such thing. */
export function MemorySection() {
  const { memory: words } = useWords().app;
  const sentenceOf = useErrorSentence();
  const { memory, problem, attempt } = useMemoryOf();
  const api = useApi();
  if (memory === undefined && problem === undefined) return null;
  return (
    <section className="app-settings-group" aria-label={words.title}>
      <p className="ui-label">{words.title}</p>
      <p className="ui-note">{words.lead}</p>
      {problem !== undefined && (
        <p className="ui-error" role="alert">
          {words.failed(sentenceOf(problem))}
        </p>
      )}
      {memory !== undefined && (
        <label className="app-settings-switch">
          <input
            type="checkbox"
            checked={memory.enabled}
            onChange={(event) => attempt(() => api.switchMemory(event.target.checked))}
          />
          {words.enabled}
        </label>
      )}
      {memory?.facts.length === 0 && <p className="ui-note">{words.nothing}</p>}
      <ul className="app-sign-ins">
        {memory?.facts.map((fact) => (
          <Fact
            key={fact.id}
            fact={fact}
            onEdit={(text) => attempt(() => api.editFact(fact.id, text))}
            onForget={() => attempt(() => api.forgetFact(fact.id))}
          />
        ))}
      </ul>
      {memory !== undefined && memory.facts.length > 1 && (
        <button type="button" className="ui-button ui-button-small" onClick={() => attempt(() => api.forgetAll())}>
          {words.forgetAll}
        </button>
      )}
    </section>
  );
}

interface FactProps {
  readonly fact: RememberedFact;
  readonly onEdit: (text: string) => Promise<void>;
  readonly onForget: () => void;
}

function Fact({ fact: { text, customer_id: customer }, onEdit, onForget }: FactProps) {
  const { memory: words } = useWords().app;
  const [edited, setEdited] = useState<string>();
  const keep = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const line = (edited ?? "").trim();
    if (line !== "" && line !== text) await onEdit(line);
    setEdited(undefined);
  };
  if (edited !== undefined) {
    return (
      <li className="app-sign-in-entry">
        <form className="app-memory-form" onSubmit={(event) => void keep(event)}>
          <input
            className="ui-field"
            aria-label={words.editName(text)}
            value={edited}
            maxLength={500}
            onChange={(event) => setEdited(event.target.value)}
          />
          <button type="submit" className="ui-button ui-button-small">
            {words.keep}
          </button>
        </form>
      </li>
    );
  }
  return (
    <li className="app-sign-in-entry">
      <div>
        <p className="app-sign-in-device">{text}</p>
        {customer !== undefined && <p className="ui-note">{words.ofCustomer(customer)}</p>}
      </div>
      <span className="app-memory-actions">
        <button
          type="button"
          className="ui-button ui-button-small"
          aria-label={words.editName(text)}
          onClick={() => setEdited(text)}
        >
          {words.edit}
        </button>
        <button
          type="button"
          className="ui-button ui-button-small"
          aria-label={words.forgetName(text)}
          onClick={onForget}
        >
          {words.forget}
        </button>
      </span>
    </li>
  );
}

function useMemoryOf() {
  const api = useApi();
  const [memory, setMemory] = useState<UserMemory>();
  const [problem, setProblem] = useState<unknown>();
  const load = useCallback(() => api.memory().then(setMemory), [api]);
  /** What is shown is what the server has, also where something did not work. */
  const attempt = useCallback(
    async (act: () => Promise<void>): Promise<void> => {
      try {
        await act();
        setProblem(undefined);
      } catch (thrown) {
        setProblem(thrown);
      }
      await load().catch(setProblem);
    },
    [load],
  );
  useEffect(() => {
    load().catch(setProblem);
  }, [load]);
  return { memory, problem, attempt };
}
