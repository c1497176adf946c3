import type { ToolCallPart } from "@parley/protocol";
import { useId, useState, type SyntheticEvent } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";
import { ApprovalFields } from "./approval-fields.tsx";
import { minutes } from "./approval-times.ts";
import { formAnswer, isKnownField, type FormContent, type FormValues } from "./form-content.ts";

export interface Said {
  readonly reason?: string;
  readonly confirm?: string;
  readonly like_ms?: number;
  readonly content?: FormContent;
}

export type Decide = (approved: boolean, said: Said) => Promise<unknown>;

interface ApprovalFormProps {
  readonly approval: NonNullable<ToolCallPart["approval"]>;
  readonly decide: Decide;
  readonly isOther: boolean;
  readonly isOffline: boolean;
}

/** What the server takes of a reason. */
const reasonChars = 500;

interface Problem {
  readonly sentence: string;
  readonly field?: string;
}

/** What a person fills in to decide, and the two buttons. Until the server says something against it nothing can be decided twice. */
export function ApprovalForm({ approval, decide, isOther, isOffline }: ApprovalFormProps) {
  const { message: words } = useWords();
  const { confirm, form = [] } = approval;
  const filled = useFilled();
  const { said, problem, isSent } = filled;
  const send = useSend(decide, filled);
  const mayAgree = (isOther || approval.four_eyes !== true) && form.every(isKnownField);
  const isTyped = confirm === undefined || said.confirm.trim() === confirm;

  function agree(event: SyntheticEvent): void {
    event.preventDefault();
    if (!mayAgree || !isTyped || isSent) return;
    const answer = formAnswer(form, filled.values, words.form);
    if ("problem" in answer) filled.setProblem({ sentence: answer.problem, field: answer.field });
    else send(true, agreementOf(approval, said, answer.content));
  }

  return (
    <form className="message-approval-form" onSubmit={agree} noValidate>
      {mayAgree && <Terms approval={approval} filled={filled} />}
      <Reason filled={filled} />
      <div className="message-approval-buttons">
        {mayAgree && (
          <button type="submit" className="ui-button ui-button-primary" disabled={isSent || !isTyped}>
            {words.approval.approve}
          </button>
        )}
        <button
          type="button"
          className="ui-button"
          disabled={isSent}
          onClick={() => send(false, reasonOf(said.reason))}
        >
          {words.approval.deny}
        </button>
        <span className="message-quiet" role="status">
          {isSent ? (isOffline ? words.approval.queued : words.approval.sending) : ""}
        </span>
      </div>
      {problem !== undefined && (
        <p className="ui-error" role="alert">
          {problem.sentence}
        </p>
      )}
    </form>
  );
}

type Approval = ApprovalFormProps["approval"];

function agreementOf({ confirm, like_ms: likeMs, form = [] }: Approval, said: Written, content: FormContent): Said {
  return {
    ...reasonOf(said.reason),
    ...(confirm === undefined ? {} : { confirm }),
    ...(likeMs !== undefined && said.like ? { like_ms: likeMs } : {}),
    ...(form.length === 0 ? {} : { content }),
  };
}

/** What only who agrees has to fill in. */
function Terms({ approval, filled }: { readonly approval: Approval; readonly filled: Filled }) {
  const { message: words } = useWords();
  const { confirm, like_ms: likeMs, form = [] } = approval;
  const { values, said, problem, isSent } = filled;
  return (
    <>
      <ApprovalFields
        fields={form}
        values={values}
        onChange={filled.change}
        wrong={problem?.field}
        isDisabled={isSent}
      />
      {confirm !== undefined && <Confirm word={confirm} filled={filled} />}
      {likeMs !== undefined && (
        <label className="message-check">
          <input
            type="checkbox"
            checked={said.like}
            disabled={isSent}
            onChange={(event) => filled.say({ like: event.target.checked })}
          />
          <span>{words.approval.like(minutes(likeMs))}</span>
        </label>
      )}
    </>
  );
}

function reasonOf(reason: string): Said {
  return reason.trim() === "" ? {} : { reason: reason.trim().slice(0, reasonChars) };
}

interface Written {
  readonly confirm: string;
  readonly reason: string;
  readonly like: boolean;
}

function useFilled() {
  const [values, setValues] = useState<FormValues>({});
  const [said, setSaid] = useState<Written>({ confirm: "", reason: "", like: false });
  const [problem, setProblem] = useState<Problem>();
  const [isSent, setSent] = useState(false);
  return {
    values,
    said,
    problem,
    isSent,
    setProblem,
    setSent,
    change: (name: string, value: FormValues[string]) => {
      setValues((known) => ({ ...known, [name]: value }));
      setProblem(undefined);
    },
    say: (more: Partial<Written>) => setSaid((known) => ({ ...known, ...more })),
  };
}

type Filled = ReturnType<typeof useFilled>;

function useSend(decide: Decide, { setProblem, setSent }: Filled): (approved: boolean, said: Said) => void {
  const { message: words } = useWords();
  const sentence = useErrorSentence();
  return (approved, said) => {
    setProblem(undefined);
    setSent(true);
    decide(approved, said).catch((refused: unknown) => {
      setSent(false);
      setProblem({ sentence: refusalWords(refused, words.approval) ?? sentence(refused) });
    });
  };
}

type ApprovalWords = ReturnType<typeof useWords>["message"]["approval"];

function refusalWords(refused: unknown, words: ApprovalWords): string | undefined {
  if (!(refused instanceof Error) || !("code" in refused)) return undefined;
  if (refused.code === "CONFLICT") return words.conflict;
  if (refused.code === "APPROVAL_EXPIRED") return words.lapsed;
  return refused.code === "NOT_FOUND" ? words.gone : undefined;
}

function Confirm({ word, filled }: { readonly word: string; readonly filled: Filled }) {
  const { message: words } = useWords();
  const id = useId();
  return (
    <div className="message-field">
      <label className="ui-label" htmlFor={id}>
        {words.approval.typeBefore} <code>{word}</code> {words.approval.typeAfter}
      </label>
      <input
        id={id}
        className="ui-field"
        type="text"
        aria-label={words.approval.confirm(word)}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        disabled={filled.isSent}
        value={filled.said.confirm}
        onChange={(event) => filled.say({ confirm: event.target.value })}
      />
    </div>
  );
}

/** Folded: most decisions need none. */
function Reason({ filled }: { readonly filled: Filled }) {
  const { message: words } = useWords();
  const [isOpen, setOpen] = useState(false);
  if (!isOpen) {
    return (
      <button type="button" className="message-fold" onClick={() => setOpen(true)}>
        {words.approval.addReason}
      </button>
    );
  }
  return (
    <input
      className="ui-field"
      type="text"
      aria-label={words.approval.reason}
      placeholder={words.approval.reason}
      maxLength={reasonChars}
      autoFocus
      disabled={filled.isSent}
      value={filled.said.reason}
      onChange={(event) => filled.say({ reason: event.target.value })}
    />
  );
}
