import { byId } from "./elements.js";

/** Signing in and out, where the server has a provider for it. */
export function createSignIn({ onChange, forget }) {
  const form = byId("sign-in-form");
  const [go, leave] = [byId("sign-in"), byId("sign-out")];
  /** Where to sign in; undefined: nobody can. */
  const address = fetch("/api/v1/auth/methods").then(
    async (response) => (response.ok ? (await response.json()).sign_in : undefined),
    () => undefined,
  );

  go.addEventListener("click", () => {
    forget();
    const back = encodeURIComponent(location.pathname + location.hash);
    void address.then((to) => location.assign(`${to}?return_to=${back}`));
  });
  leave.addEventListener("click", () => {
    void fetch("/auth/logout", { method: "POST" }).then(onChange);
  });

  return {
    /** Shows what can be done. */
    async isSignedIn() {
      const canSignIn = (await address) !== undefined;
      const isIn = canSignIn && (await fetch("/api/v1/auth/me")).ok;
      form.hidden = !canSignIn;
      go.hidden = isIn;
      leave.hidden = !isIn;
      return isIn;
    },
  };
}
