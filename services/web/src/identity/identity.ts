import type { Me } from "../api/answers.ts";
import { ApiError } from "../api/api-error.ts";
import type { AuthCalls, IssuedToken, Methods } from "./auth-calls.ts";
import type { KeptIdentity } from "./kept-identity.ts";

/** What somebody is signed in by. */
export type How = "session" | "development" | "token";

export type SignedOutReason = "refused" | "signed-out";

/**
 * `starting` → `signed-in` or `signed-out`; `unreachable` when the server cannot be asked, tried again by itself. From `signed-in` to `ended`
 * when what somebody was signed in by does not count any more: the page keeps all that it shows, and asks.
 */
export type IdentityState =
  | { readonly name: "starting" }
  | { readonly name: "unreachable"; readonly error: unknown }
  | { readonly name: "signed-out"; readonly methods: Methods; readonly reason: SignedOutReason | undefined }
  | { readonly name: "signed-in"; readonly methods: Methods; readonly me: Me; readonly how: How }
  | { readonly name: "ended"; readonly methods: Methods; readonly me: Me; readonly how: How };

export interface Identity {
  readonly read: () => IdentityState;
  readonly subscribe: (listener: () => void) => () => void;
  /** Finds out who this browser is. Resolves when it is known; goes on trying while the server is away. */
  readonly start: () => Promise<void>;
  /** Asks an unreachable server at once. */
  readonly tryNow: () => void;
  /** The token to bring; null: the cookie is enough. Throws when nobody is signed in. */
  readonly authorize: () => Promise<string | null>;
  /** The server has said that the token in use ends: the next one that is asked for is another. Its clock counts, not the one here. */
  readonly forgetToken: () => void;
  /** Asks the server whether the sign-in still counts. */
  readonly check: () => Promise<void>;
  readonly useName: (name: string) => Promise<void>;
  readonly useToken: (token: string) => Promise<void>;
  /** Throws when the server cannot be told: then the sign-in still counts. */
  readonly signOut: () => Promise<void>;
  readonly close: () => void;
}

interface IdentityDeps {
  readonly calls: AuthCalls;
  readonly kept: KeptIdentity;
  readonly now?: () => number;
  /** Waits before the server is asked again. */
  readonly retryMs?: { readonly minMs: number; readonly maxMs: number };
}

/** The server warns a minute before a token ends; the one that it warns about must not be used again. */
const renewBeforeMs = 90_000;

export function createIdentity(deps: IdentityDeps): Identity {
  const { calls, kept } = deps;
  const states = createStates();
  const { read, become } = states;
  const retry = createRetry(deps.retryMs ?? { minMs: 1_000, maxMs: 15_000 });
  const tokens = createTokens(deps);
  let checking: Promise<void> | undefined;

  async function look(): Promise<void> {
    const before = read();
    if (before.name !== "signed-in") return;
    tokens.forget();
    const token = await tokens.of(before).catch(refusedOnly);
    const me = token === undefined ? undefined : await calls.me(token);
    if (read() !== before) return;
    if (me === undefined) become({ ...before, name: "ended" });
    else if (me.user.id !== before.me.user.id) become({ ...before, me });
  }

  const end = (): void => {
    checking = undefined;
  };
  return {
    read,
    subscribe: states.subscribe,
    start: () => start(deps, tokens, retry, become),
    tryNow: retry.now,
    authorize: () => tokens.of(read()),
    forgetToken: tokens.forget,
    // Who cannot ask does not know better: the sign-in stays, and the next refusal asks again.
    check: () => (checking ??= look().then(end, end)),
    async useName(name) {
      const next = signedIn(read(), await calls.me(await tokens.issue(name)), "development");
      keepName(kept, name);
      become(next);
    },
    async useToken(token) {
      const next = signedIn(read(), await calls.me(token), "token");
      kept.keepToken(token);
      become(next);
    },
    async signOut() {
      const state = read();
      if ("how" in state && state.how === "session") await calls.signOut();
      tokens.forget();
      kept.forget();
      if ("methods" in state) become({ name: "signed-out", methods: state.methods, reason: "signed-out" });
    },
    close: retry.stop,
  };
}

function createStates() {
  const listeners = new Set<() => void>();
  let state: IdentityState = { name: "starting" };
  return {
    read: () => state,
    become(next: IdentityState): void {
      state = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

type Tokens = ReturnType<typeof createTokens>;

/** Development tokens are used again while they last: every reconnect would ask for another. */
function createTokens({ calls, kept, now = Date.now }: IdentityDeps) {
  let issued: (IssuedToken & { readonly name: string }) | undefined;
  /** By name: who asks while one is on its way gets that one. */
  const issuing = new Map<string, Promise<string>>();

  async function renew(name: string): Promise<string> {
    try {
      issued = { ...(await calls.developmentToken(name)), name };
      return issued.token;
    } finally {
      issuing.delete(name);
    }
  }

  async function issue(name: string): Promise<string> {
    if (issued?.name === name && issued.expiresAtMs - now() > renewBeforeMs) return issued.token;
    const onItsWay = issuing.get(name) ?? renew(name);
    issuing.set(name, onItsWay);
    return onItsWay;
  }

  return {
    issue,
    /** One that was refused is not shown again. */
    forget: () => {
      issued = undefined;
    },
    /** What stands for whoever is signed in. */
    async of(state: IdentityState): Promise<string | null> {
      if (state.name === "signed-in") {
        if (state.how === "session") return null;
        const [token, name] = [kept.token(), kept.name()];
        if (state.how === "token" && token !== undefined) return token;
        if (state.how === "development" && name !== undefined) return issue(name);
      }
      throw new ApiError("Authentication is required.", { code: "AUTH_REQUIRED", status: 401 });
    },
  };
}

async function start(
  deps: IdentityDeps,
  tokens: Tokens,
  retry: ReturnType<typeof createRetry>,
  become: (state: IdentityState) => void,
): Promise<void> {
  for (;;) {
    try {
      return become(await find(deps, tokens, await deps.calls.methods()));
    } catch (error) {
      become({ name: "unreachable", error });
      if (!(await retry.wait())) return;
    }
  }
}

/** A token that was pasted counts before a cookie, and that before a name. */
async function find({ calls, kept }: IdentityDeps, tokens: Tokens, methods: Methods): Promise<IdentityState> {
  const token = kept.token();
  if (token !== undefined) {
    const me = await calls.me(token);
    if (me !== undefined) return { name: "signed-in", methods, me, how: "token" };
    kept.keepToken(undefined);
    return { name: "signed-out", methods, reason: "refused" };
  }
  const byCookie = methods.signIn === undefined ? undefined : await calls.me(null);
  if (byCookie !== undefined) return { name: "signed-in", methods, me: byCookie, how: "session" };
  const name = kept.name();
  if (!methods.givesTokens || name === undefined) return { name: "signed-out", methods, reason: undefined };
  const me = await calls.me(await tokens.issue(name));
  if (me === undefined) return { name: "signed-out", methods, reason: "refused" };
  return { name: "signed-in", methods, me, how: "development" };
}

function keepName(kept: KeptIdentity, name: string): void {
  kept.keepToken(undefined);
  kept.keepName(name);
}

function signedIn(before: IdentityState, me: Me | undefined, how: How): IdentityState {
  if (!("methods" in before)) return before;
  if (me !== undefined) return { name: "signed-in", methods: before.methods, me, how };
  throw new ApiError("The server did not accept this sign-in.", { code: "AUTH_INVALID", status: 401 });
}

function refusedOnly(error: unknown): undefined {
  if (error instanceof ApiError && error.status > 0 && error.status < 500) return undefined;
  throw error;
}

/** Waits that grow; the network's return ends one at once. */
function createRetry({ minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }) {
  let waitMs = minMs;
  let wake: ((goOn: boolean) => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const now = (): void => wake?.(true);
  globalThis.addEventListener?.("online", now);
  return {
    now,
    /** False: it was stopped. */
    wait: () =>
      new Promise<boolean>((resolve) => {
        wake = (goOn) => {
          clearTimeout(timer);
          wake = undefined;
          resolve(goOn);
        };
        timer = setTimeout(() => wake?.(true), waitMs);
        waitMs = Math.min(maxMs, waitMs * 2);
      }),
    stop: () => {
      globalThis.removeEventListener?.("online", now);
      wake?.(false);
    },
  };
}
