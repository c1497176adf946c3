import { useId, useState, type ReactNode } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import type { Methods } from "../identity/auth-calls.ts";
import type { Identity } from "../identity/identity.ts";
import { useWords } from "../words/use-words.ts";

interface SignInFormsProps {
  readonly methods: Methods;
  readonly identity: Pick<Identity, "useName" | "useToken">;
  /** Where the person comes back to. */
  readonly returnTo: string;
  /** Somebody was signed in before. */
  readonly isAgain?: boolean;
}

/** What this server takes: a sign-in at its provider, a name in development, a token. */
export function SignInForms({ methods, identity, returnTo, isAgain = false }: SignInFormsProps) {
  const { signIn } = useWords().app;
  const hasOther = methods.signIn !== undefined || methods.givesTokens;
  return (
    <div className="app-sign-in-ways">
      {methods.signIn !== undefined && (
        <a
          className="ui-button ui-button-primary app-sign-in-button"
          href={`${methods.signIn}?return_to=${encodeURIComponent(returnTo)}`}
        >
          {isAgain ? signIn.again : signIn.button}
        </a>
      )}
      {methods.givesTokens && (
        <OneField
          title={signIn.developmentTitle}
          note={signIn.developmentNote}
          label={signIn.nameLabel}
          button={signIn.nameButton}
          needed={signIn.nameNeeded}
          submit={identity.useName}
        />
      )}
      {hasOther ? (
        <details className="app-sign-in-other">
          <summary>{signIn.tokenOther}</summary>
          <TokenForm submit={identity.useToken} />
        </details>
      ) : (
        <TokenForm submit={identity.useToken} />
      )}
    </div>
  );
}

function TokenForm({ submit }: { readonly submit: (token: string) => Promise<void> }) {
  const { signIn } = useWords().app;
  return (
    <OneField
      title={signIn.tokenTitle}
      note={signIn.tokenNote}
      label={signIn.tokenLabel}
      button={signIn.tokenButton}
      needed={signIn.tokenNeeded}
      isSecret
      submit={submit}
    />
  );
}

interface OneFieldProps {
  readonly title: string;
  readonly note: string;
  readonly label: string;
  readonly button: string;
  /** What is said when it is empty. */
  readonly needed: string;
  readonly isSecret?: boolean;
  readonly submit: (text: string) => Promise<void>;
}

function OneField(props: OneFieldProps) {
  const id = useId();
  const { text, setText, problem, isBusy, onSubmit } = useSubmitting(props);
  return (
    <form className="app-sign-in-form" aria-label={props.title} noValidate onSubmit={onSubmit}>
      <h2 className="app-sign-in-way">{props.title}</h2>
      <p className="ui-note">{props.note}</p>
      <Field id={id} label={props.label} problem={problem}>
        <input
          id={id}
          className="ui-field"
          type={props.isSecret === true ? "password" : "text"}
          value={text}
          maxLength={props.isSecret === true ? 16_384 : 128}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={problem !== undefined}
          aria-describedby={problem === undefined ? undefined : `${id}-problem`}
          onChange={(event) => setText(event.target.value)}
        />
      </Field>
      <button type="submit" className="ui-button ui-button-primary app-sign-in-button" disabled={isBusy}>
        {props.button}
      </button>
    </form>
  );
}

interface FieldProps {
  readonly id: string;
  readonly label: string;
  readonly problem: string | undefined;
  readonly children: ReactNode;
}

function Field({ id, label, problem, children }: FieldProps) {
  return (
    <div>
      <label className="ui-label" htmlFor={id}>
        {label}
      </label>
      {children}
      {problem !== undefined && (
        <p id={`${id}-problem`} className="ui-error" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

function useSubmitting({ needed, submit }: OneFieldProps) {
  const sentenceOf = useErrorSentence();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const send = async (): Promise<void> => {
    const given = text.trim();
    if (given === "") return setProblem(needed);
    setBusy(true);
    setProblem(undefined);
    try {
      await submit(given);
    } catch (thrown) {
      setProblem(sentenceOf(thrown));
      setBusy(false);
    }
  };
  const onSubmit = (event: { readonly preventDefault: () => void }): void => {
    event.preventDefault();
    void send();
  };
  return { text, setText, problem, isBusy, onSubmit };
}
