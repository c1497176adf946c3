import { useCallback, useEffect, useRef, useState, type KeyboardEvent, type Ref } from "react";
import type { RememberedFact, UserMemory } from "../api/memory-calls.ts";
import { useApi } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";
import { SettingsGroup } from "./settings-group.tsx";

/** What agents remember of the person: to be seen, changed, deleted, and switched off. Nothing at all where the server has no such thing. */
export function MemorySection() {
  const { memory: words } = useWords().app;
  const { memory, problem, attempt } = useMemoryOf();
  const api = useApi();
  if (memory === undefined && problem === undefined) return null;
  return (
    <SettingsGroup words={words} problem={problem}>
      {memory !== undefined && (
        <label className="app-settings-switch">
          <input
            type="checkbox"
            checked={memory.enabled}
            onChange={(event) => void attempt(() => api.switchMemory(event.target.checked))}
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
            onForget={() => void attempt(() => api.forgetFact(fact.id))}
          />
        ))}
      </ul>
      {memory !== undefined && memory.facts.length > 1 && (
        <button type="button" className="ui-button ui-button-small" onClick={() => void attempt(() => api.forgetAll())}>
          {words.forgetAll}
        </button>
      )}
    </SettingsGroup>
  );
}

interface FactProps {
  readonly fact: RememberedFact;
  /** Whether it was kept. */
  readonly onEdit: (text: string) => Promise<boolean>;
  readonly onForget: () => void;
}

function Fact({ fact, onEdit, onForget }: FactProps) {
  const { memory: words } = useWords().app;
  const [isEdited, setEdited] = useState(false);
  const { text, customer_id: customer } = fact;
  const change = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    setEdited(false);
    requestAnimationFrame(() => change.current?.focus());
  };
  const keep = async (line: string): Promise<void> => {
    const isSame = line === "" || line === text;
    // What could not be kept stays in the field.
    if (isSame || (await onEdit(line))) close();
  };
  return (
    <li className="app-sign-in-entry app-memory-fact">
      {isEdited ? (
        <FactForm text={text} onKeep={(line) => void keep(line)} onClose={close} />
      ) : (
        <>
          <div>
            <p className="app-sign-in-device">{text}</p>
            {customer !== undefined && <p className="ui-note">{words.ofCustomer(customer)}</p>}
          </div>
          <span className="app-memory-actions">
            <Act ref={change} name={words.edit} label={words.editName(text)} onClick={() => setEdited(true)} />
            <Act name={words.forget} label={words.forgetName(text)} onClick={onForget} />
          </span>
        </>
      )}
    </li>
  );
}

interface ActProps {
  readonly ref?: Ref<HTMLButtonElement>;
  readonly name: string;
  readonly label: string;
  readonly onClick: () => void;
}

function Act({ ref, name, label, onClick }: ActProps) {
  return (
    <button ref={ref} type="button" className="ui-button ui-button-small" aria-label={label} onClick={onClick}>
      {name}
    </button>
  );
}

interface FactFormProps {
  readonly text: string;
  readonly onKeep: (line: string) => void;
  readonly onClose: () => void;
}

function FactForm({ text, onKeep, onClose }: FactFormProps) {
  const { memory: words } = useWords().app;
  const [line, setLine] = useState(text);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || event.nativeEvent.isComposing) return;
    // It closes the field, not the settings.
    event.preventDefault();
    event.stopPropagation();
    onClose();
  };
  return (
    <form
      className="app-memory-form"
      onSubmit={(event) => {
        event.preventDefault();
        onKeep(line.trim());
      }}
    >
      <input
        ref={field}
        className="ui-field"
        aria-label={words.editName(text)}
        value={line}
        maxLength={500}
        onChange={(event) => setLine(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <button type="submit" className="ui-button ui-button-small">
        {words.keep}
      </button>
    </form>
  );
}

function useMemoryOf() {
  const api = useApi();
  const [memory, setMemory] = useState<UserMemory>();
  const [problem, setProblem] = useState<unknown>();
  const load = useCallback(() => api.memory().then(setMemory), [api]);
  /** What is shown is what the server has, also where something did not work. */
  const attempt = useCallback(
    async (act: () => Promise<void>): Promise<boolean> => {
      const isDone = await act().then(
        () => true,
        (thrown: unknown) => {
          setProblem(thrown);
          return false;
        },
      );
      if (isDone) setProblem(undefined);
      await load().catch(setProblem);
      return isDone;
    },
    [load],
  );
  useEffect(() => {
    load().catch(setProblem);
  }, [load]);
  return { memory, problem, attempt };
}
