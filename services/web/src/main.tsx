import { createClient } from "@parley/client";
import { createIndexedDbStore } from "@parley/client/indexed-db";
import { createRoot } from "react-dom/client";
import { App } from "./app/app.tsx";
import { createNavigation } from "./app/navigation.ts";
import { loadLaterParts } from "./app/later-parts.ts";
import { createSessions } from "./app/sessions.ts";
import { createAuthCalls } from "./identity/auth-calls.ts";
import { createIdentity } from "./identity/identity.ts";
import { createKeptIdentity } from "./identity/kept-identity.ts";
import { createSettingsStore, settingsKey } from "./settings/settings-store.ts";
import { browserStorage } from "./settings/text-store.ts";
import { languageOf } from "./words/language.ts";
import { loadWords } from "./words/use-words.ts";
import "./styles/page.css";

const place = document.getElementById("root");
if (place === null) throw new Error("The page has no #root.");

const local = browserStorage("localStorage");
const settings = createSettingsStore({
  defaults: { theme: "system", language: languageOf(navigator.languages), sendsWithEnter: true },
  storage: local,
  tabs: window,
});
const kept = createKeptIdentity({ session: browserStorage("sessionStorage"), local }, settingsKey);
const identity = createIdentity({ calls: createAuthCalls({}), kept });
const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/chat`;
const store = createIndexedDbStore("parley");
const sessions = createSessions({
  identity,
  createClient: (getToken) => createClient({ url, getToken, store }),
  forgetUnsent: async (userId) => {
    for (const message of await store.load()) if (message.user_id === userId) await store.remove(message);
    if ("serviceWorker" in navigator) await (await import("./app/notices-here.ts")).dropNotices();
  },
});
const navigation = createNavigation(window);

// Nobody reads the page in another language first.
await Promise.all(
  [identity.start(), loadWords(settings.read().language)].map(async (part) => Promise.race([part, quick()])),
);
// Counted by public/again.js; a page that is about to be loaded again counts on.
if (document.documentElement.dataset["again"] === undefined)
  browserStorage("sessionStorage")?.removeItem("parley.again");
createRoot(place).render(<App {...{ identity, sessions, navigation, settings }} />);
loadLaterParts();

/** What takes longer is waited for on the page. */
function quick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 300));
}
