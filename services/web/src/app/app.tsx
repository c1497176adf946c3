import { ParleyProvider } from "@parley/react";
import { useEffect, useSyncExternalStore, type ReactNode } from "react";
import { ApiProvider } from "../api/use-api.ts";
import type { Identity } from "../identity/identity.ts";
import type { SettingsStore } from "../settings/settings-store.ts";
import { SettingsProvider, useSettings } from "../settings/use-settings.ts";
import { useWords, WordsProvider } from "../words/use-words.ts";
import type { Navigation } from "./navigation.ts";
import { PaneBoundary } from "./pane-boundary.tsx";
import type { Sessions } from "./sessions.ts";
import { Shell } from "./shell.tsx";
import { EndedDialog, SignInPage } from "./sign-in-page.tsx";

export interface AppProps {
  readonly identity: Identity;
  readonly sessions: Sessions;
  readonly navigation: Navigation;
  readonly settings: SettingsStore;
}

export function App({ settings, ...parts }: AppProps) {
  return (
    <SettingsProvider value={settings}>
      <InLanguage>
        <Look />
        <PaneBoundary place="page">
          <Page {...parts} />
        </PaneBoundary>
      </InLanguage>
    </SettingsProvider>
  );
}

function InLanguage({ children }: { readonly children: ReactNode }) {
  return <WordsProvider language={useSettings().language}>{children}</WordsProvider>;
}

/** What the whole document shows of the settings. */
function Look() {
  const { theme } = useSettings();
  const { language } = useWords();
  useEffect(() => {
    const { dataset } = document.documentElement;
    if (theme === "system") delete dataset["theme"];
    else dataset["theme"] = theme;
  }, [theme]);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  return null;
}

/** By whether somebody is signed in. A sign-in that has ended leaves all as it is, and asks. */
function Page({ identity, sessions, navigation }: Omit<AppProps, "settings">) {
  const state = useSyncExternalStore(identity.subscribe, identity.read, identity.read);
  const session = useSyncExternalStore(sessions.subscribe, sessions.read, sessions.read);
  if (state.name !== "signed-in" && state.name !== "ended") return <SignInPage identity={identity} state={state} />;
  if (session === undefined) return null;
  return (
    <ApiProvider value={session.api}>
      <ParleyProvider client={session.client}>
        {/* Another person's page has nothing of this one's. */}
        <Shell key={session.me.user.id} {...{ session, identity, navigation }} renew={sessions.renew} />
        {state.name === "ended" && <EndedDialog identity={identity} state={state} />}
      </ParleyProvider>
    </ApiProvider>
  );
}
