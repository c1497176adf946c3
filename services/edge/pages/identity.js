import { byId } from "./elements.js";
import { createSignIn } from "./sign-in.js";

/**
 * Who the page is: a token that a person pasted (kept for this tab), else whoever has signed in, else a development token of the name in the box. A
 * development token is always for the same user as long as the name is the same, so that a reload still owns its conversations.
 */

const tokenKey = "parley.test.token";
const nameKey = "parley.test.name";
/** The server warns a minute before a token ends; the one it warns about must not be used again. */
const renewBeforeMs = 90_000;

export function createIdentity({ onChange }) {
  const message = byId("auth-message");
  const [nameBox, tokenBox] = [byId("dev-name"), byId("token-input")];
  nameBox.value = localStorage.getItem(nameKey) ?? "Developer";

  byId("dev-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.removeItem(tokenKey);
    localStorage.setItem(nameKey, nameBox.value.trim());
    onChange();
  });
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(tokenKey, tokenBox.value.trim());
    tokenBox.value = "";
    onChange();
  });

  const signIn = createSignIn({ onChange, forget: () => sessionStorage.removeItem(tokenKey) });

  /** The last one, used again while it lasts: every reconnect would ask for another. */
  let kept;

  async function developmentToken() {
    const name = nameBox.value.trim() || "Developer";
    if (kept?.name === name && kept.expiresAt - Date.now() > renewBeforeMs) return kept.token;
    const response = await fetch("/api/v1/auth/dev-token", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sub: userIdOf(name), name }),
    });
    if (response.status === 404) {
      byId("dev-form").hidden = true;
      message.textContent = "This server gives out no development tokens: paste a token.";
      return undefined;
    }
    if (!response.ok) throw new Error(`The server answered ${response.status}.`);
    const { token, expires_at: expiresAt } = await response.json();
    kept = { name, token, expiresAt };
    return token;
  }

  return {
    /** Null when the cookie of a sign-in is enough; undefined when a person has to paste one. Throws when the server cannot be reached. */
    token: async () => {
      const pasted = sessionStorage.getItem(tokenKey);
      if (pasted !== null && pasted !== "") return pasted;
      return (await signIn.isSignedIn()) ? null : developmentToken();
    },
    say: (text) => {
      message.textContent = text;
    },
    askForToken: () => {
      byId("auth-panel").open = true;
    },
  };
}

function userIdOf(name) {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `dev-${plain}`.slice(0, 128);
}
