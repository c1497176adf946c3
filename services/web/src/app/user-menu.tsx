import { useState } from "react";
import { useErrorSentence } from "../api/use-api.ts";
import type { How, Identity } from "../identity/identity.ts";
import { Menu, type MenuItem } from "../ui/menu.tsx";
import { useWords } from "../words/use-words.ts";
import { signInsDialog } from "./later-parts.ts";
import type { Session } from "./sessions.ts";
import { forgetDevice } from "./use-notices-here.ts";

interface UserMenuProps {
  readonly session: Session;
  readonly identity: Identity;
}

/** Nobody waits longer to be signed out. */
const forgetMs = 2_000;

/** Who is signed in, how, and out again. */
export function UserMenu({ session: { me, how, api }, identity }: UserMenuProps) {
  const { user } = useWords().app;
  const sentenceOf = useErrorSentence();
  const [areSignInsShown, showSignIns] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const name = me.user.name ?? me.user.email ?? me.user.id;
  const signOut = (): void => {
    setProblem(undefined);
    // Whoever comes next must not be told what was meant for this person; what the server cannot be told now, the push service says later.
    const told = forgetDevice(api).catch(() => undefined);
    Promise.race([told, new Promise((resolve) => setTimeout(resolve, forgetMs))])
      .then(() => identity.signOut())
      .catch(setProblem);
  };
  const signIns: MenuItem = { name: user.sessions, icon: "list", onChoose: () => showSignIns(true) };
  return (
    <>
      <Menu
        label={how === "session" ? user.menu(name) : `${user.menu(name)} ${user[how]}`}
        className="app-user"
        header={
          <p className="app-user-header">
            <span dir="auto">{me.user.email ?? me.user.id}</span>
            <span className="ui-note">{user[how]}</span>
          </p>
        }
        items={[...(how === "session" ? [signIns] : []), { name: user.signOut, icon: "signOut", onChoose: signOut }]}
      >
        <Who name={name} how={how} />
      </Menu>
      {problem !== undefined && (
        <p className="ui-error app-user-problem" role="alert">
          {user.signOutFailed(sentenceOf(problem))}
        </p>
      )}
      {areSignInsShown && <signInsDialog.Part identity={identity} onClose={() => showSignIns(false)} />}
    </>
  );
}

function Who({ name, how }: { readonly name: string; readonly how: How }) {
  const { user } = useWords().app;
  return (
    <>
      {/* Painted: it is no part of the name. */}
      <span className="app-user-letter" data-letter={letterOf(name)} aria-hidden="true" />
      <span className="app-user-text">
        <span className="app-user-name" dir="auto">
          {name}
        </span>{" "}
        {how !== "session" && (
          <span className="app-user-how" data-how={how}>
            {user[how]}
          </span>
        )}
      </span>
    </>
  );
}

/** The first letter as people see it: some are made of several signs. */
function letterOf(name: string): string {
  const [first] = new Intl.Segmenter().segment(name.trim());
  return (first?.segment ?? "?").toUpperCase();
}
