import type { Me } from "../../src/api/answers.ts";
import { ownError } from "../../src/api/api-error.ts";
import type { AuthCalls, Methods } from "../../src/identity/auth-calls.ts";
import { createIdentity } from "../../src/identity/identity.ts";
import { createKeptIdentity } from "../../src/identity/kept-identity.ts";

/** What a server knows: who its tokens and its cookie are. */
export interface FakeServer {
  methods: Methods;
  isAway: boolean;
  cookie: string | undefined;
  readonly tokens: Map<string, string>;
  /** How long development tokens last. */
  lifetimeMs: number;
  readonly asked: string[];
}

function meOf(id: string, by: Me["by"] = "token"): Me {
  return { user: { id }, roles: [], by };
}

export function createSetting(overrides: Partial<FakeServer> = {}) {
  const server: FakeServer = {
    methods: { signIn: undefined, givesTokens: true },
    isAway: false,
    cookie: undefined,
    tokens: new Map(),
    lifetimeMs: 3_600_000,
    asked: [],
    ...overrides,
  };
  const clock = { nowMs: 1_000_000 };
  const kept = createKeptIdentity({ session: sessionStorage, local: localStorage }, "parley.settings");
  const identity = createIdentity({
    calls: callsOf(server, clock),
    kept,
    now: () => clock.nowMs,
    retryMs: { minMs: 1, maxMs: 2 },
  });
  return { server, clock, kept, identity, [Symbol.dispose]: identity.close };
}

function callsOf(server: FakeServer, clock: { readonly nowMs: number }): AuthCalls {
  async function answer<T>(what: string, make: () => T): Promise<T> {
    server.asked.push(what);
    await Promise.resolve();
    if (server.isAway) throw ownError("UNREACHABLE");
    return make();
  }
  return {
    methods: () => answer("methods", () => server.methods),
    me: (token) =>
      answer("me", () => {
        const id = token === null ? server.cookie : server.tokens.get(token);
        return id === undefined ? undefined : meOf(id, token === null ? "session" : "token");
      }),
    developmentToken: (name) =>
      answer("token", () => {
        const token = `token ${server.tokens.size} of ${name}`;
        server.tokens.set(token, `dev-${name}`);
        return { token, expiresAtMs: clock.nowMs + server.lifetimeMs };
      }),
    signOut: () =>
      answer("logout", () => {
        server.cookie = undefined;
      }),
  };
}
