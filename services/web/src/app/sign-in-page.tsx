import { useEffect, useState } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import type { Identity, IdentityState } from "../identity/identity.ts";
import { Dialog } from "../ui/dialog.tsx";
import { useWords } from "../words/use-words.ts";
import { SettingsButton } from "./settings-button.tsx";
import { SignInForms } from "./sign-in-forms.tsx";

interface SignInPageProps {
  readonly identity: Identity;
  readonly state: Exclude<IdentityState, { readonly name: "signed-in" | "ended" }>;
}

/** What somebody sees who is not signed in, or not yet. */
export function SignInPage({ identity, state }: SignInPageProps) {
  const { app } = useWords();
  useEffect(() => {
    document.title = app.productName;
  }, [app]);
  return (
    <main className="app-sign-in">
      <div className="app-sign-in-card">
        <img className="app-sign-in-logo" src="/icon.svg" alt="" width="48" height="48" />
        <h1 className="app-sign-in-title">{app.productName}</h1>
        {state.name === "signed-out" && (
          <>
            <p className="app-sign-in-lead">{leadOf(state.reason, app.signIn)}</p>
            <SignInForms methods={state.methods} identity={identity} returnTo={here()} />
          </>
        )}
        {state.name === "starting" && <Starting />}
        {state.name === "unreachable" && <Unreachable error={state.error} tryNow={identity.tryNow} />}
      </div>
      <SettingsButton className="app-sign-in-settings" />
    </main>
  );
}

function leadOf(
  reason: "refused" | "signed-out" | undefined,
  { lead, refused, signedOut }: { readonly lead: string; readonly refused: string; readonly signedOut: string },
): string {
  if (reason === "refused") return refused;
  return reason === "signed-out" ? signedOut : lead;
}

/** Most know within a moment who they are: it is only said when that takes longer. */
const slowMs = 600;

function Starting() {
  const { app } = useWords();
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), slowMs);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p className="app-sign-in-lead" role="status">
      {isSlow ? app.loading : ""}
    </p>
  );
}

function Unreachable({ error, tryNow }: { readonly error: unknown; readonly tryNow: () => void }) {
  const { signIn, connection } = useWords().app;
  const sentenceOf = useErrorSentence();
  return (
    <div className="app-sign-in-lead" role="alert">
      <p>{sentenceOf(error)}</p>
      <p className="ui-note">{signIn.unreachableNote}</p>
      <button type="button" className="ui-button app-sign-in-try" onClick={tryNow}>
        {connection.tryNow}
      </button>
    </div>
  );
}

interface EndedDialogProps {
  readonly identity: Identity;
  readonly state: Extract<IdentityState, { readonly name: "ended" }>;
}

/** Over the page as it was, with all that was written: to sign in again. */
export function EndedDialog({ identity, state }: EndedDialogProps) {
  const { app } = useWords();
  return (
    <Dialog
      title={app.signIn.again}
      actions={
        <button type="button" className="ui-button ui-button-quiet" onClick={() => void identity.signOut()}>
          {app.user.signOut}
        </button>
      }
    >
      <p className="app-dialog-text">{app.signIn.expired}</p>
      <SignInForms methods={state.methods} identity={identity} returnTo={here()} isAgain />
    </Dialog>
  );
}

function here(): string {
  return location.pathname + location.search;
}
