import { useCallback, useEffect, useState } from "react";
import type { SignInEntry } from "../api/answers.ts";
import { useApi, useErrorSentence } from "../api/use-api.ts";
import type { Identity } from "../identity/identity.ts";
import { Dialog } from "../ui/dialog.tsx";
import { useWords } from "../words/use-words.ts";
import { deviceOf } from "./device.ts";

export interface SignInsDialogProps {
  readonly identity: Identity;
  readonly onClose: () => void;
}

/** In which browsers the person is signed in; each can be ended, and all together. */
export function SignInsDialog({ identity, onClose }: SignInsDialogProps) {
  const { app } = useWords();
  const sentenceOf = useErrorSentence();
  const { entries, problem, reload, end, endAll } = useSignIns(identity);
  return (
    <Dialog
      title={app.sessions.title}
      onClose={onClose}
      actions={
        <>
          {/* First, as the dialog opens with it: an Enter that comes too soon ends nothing. */}
          <button type="button" className="ui-button" onClick={onClose}>
            {app.close}
          </button>
          <button type="button" className="ui-button ui-button-danger" onClick={endAll}>
            {app.sessions.endAll}
          </button>
        </>
      }
    >
      {problem !== undefined && (
        <p className="ui-error" role="alert">
          {problem.isLoading ? `${app.sessions.failed} ` : ""}
          {problem.isLoading ? sentenceOf(problem.error) : app.sessions.endFailed(sentenceOf(problem.error))}
          {problem.isLoading && (
            <button type="button" className="ui-button ui-button-small app-inline-button" onClick={reload}>
              {app.tryAgain}
            </button>
          )}
        </p>
      )}
      {entries === undefined && problem === undefined && <p className="ui-note">{app.loading}</p>}
      <ul className="app-sign-ins">
        {entries?.map((entry) => (
          <SignIn key={entry.id} entry={entry} onEnd={() => end(entry)} />
        ))}
      </ul>
      <p className="ui-note">{app.sessions.endAllNote}</p>
    </Dialog>
  );
}

function SignIn({ entry, onEnd }: { readonly entry: SignInEntry; readonly onEnd: () => void }) {
  const { app, formats } = useWords();
  const { sessions } = app;
  const found = deviceOf(entry.user_agent);
  const device = found === undefined ? sessions.unknownDevice : sessions.device(found.browser, found.system);
  return (
    <li className="app-sign-in-entry">
      <div>
        <p className="app-sign-in-device" title={entry.user_agent}>
          {device} {entry.current && <span className="ui-chip">{sessions.current}</span>}
        </p>
        <p className="ui-note">
          {sessions.lastSeen(formats.full(entry.last_seen))}
          <br />
          {sessions.since(formats.day(entry.made))} · {entry.address}
        </p>
      </div>
      <button type="button" className="ui-button ui-button-small" aria-label={sessions.endName(device)} onClick={onEnd}>
        {sessions.end}
      </button>
    </li>
  );
}

interface Problem {
  readonly isLoading: boolean;
  readonly error: unknown;
}

function useSignIns(identity: Identity) {
  const api = useApi();
  const [entries, setEntries] = useState<readonly SignInEntry[]>();
  const [problem, setProblem] = useState<Problem>();
  const load = useCallback(
    () =>
      api.signIns().then(
        (found) => {
          setEntries(found);
          setProblem(undefined);
        },
        (error: unknown) => setProblem({ isLoading: true, error }),
      ),
    [api],
  );
  useEffect(() => void load(), [load]);
  // What has ended may be what this page is signed in by.
  const ending = (work: Promise<void>): void => {
    work.then(
      () => Promise.all([load(), identity.check()]),
      (error: unknown) => setProblem({ isLoading: false, error }),
    );
  };
  return {
    entries,
    problem,
    reload: () => void load(),
    end: ({ id }: SignInEntry) => ending(api.endSignIn(id)),
    endAll: () => ending(api.endAllSignIns()),
  };
}
