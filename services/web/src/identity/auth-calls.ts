import { isMe, oneOf, type Me } from "../api/answers.ts";
import { ApiError, fieldsOf } from "../api/api-error.ts";
import { createHttp, type HttpOptions } from "../api/http.ts";

/** How people can be let in, as the server says. */
export interface Methods {
  /** Where a page sends whoever wants to sign in; undefined: nobody can. */
  readonly signIn: string | undefined;
  /** The server gives a token to whoever names a person. */
  readonly givesTokens: boolean;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

export interface AuthCalls {
  readonly methods: () => Promise<Methods>;
  /** Who the token is; without one: who the cookie is. Undefined: nobody, or nobody any more. */
  readonly me: (token: string | null) => Promise<Me | undefined>;
  /** Throws with status 404 where none are given out. */
  readonly developmentToken: (name: string) => Promise<IssuedToken>;
  readonly signOut: () => Promise<void>;
}

export function createAuthCalls(options: Omit<HttpOptions, "authorize" | "onUnauthorized">): AuthCalls {
  const http = createHttp(options);
  return {
    methods: async () => {
      const { sign_in: signIn, development_tokens: gives } = fieldsOf(await http("/api/v1/auth/methods"));
      return { signIn: isOwnPath(signIn) ? signIn : undefined, givesTokens: gives === true };
    },
    me: async (token) => {
      const asked = createHttp({ ...options, authorize: () => Promise.resolve(token) });
      try {
        return oneOf(await asked("/api/v1/auth/me"), isMe);
      } catch (thrown) {
        if (thrown instanceof ApiError && thrown.status === 401) return undefined;
        throw thrown;
      }
    },
    developmentToken: async (name) => {
      const body = { sub: developmentIdOf(name), name: name.slice(0, 128) };
      const { token, expires_at: expiresAtMs } = fieldsOf(
        await http("/api/v1/auth/dev-token", { method: "POST", body }),
      );
      if (typeof token === "string" && typeof expiresAtMs === "number") return { token, expiresAtMs };
      throw new ApiError("The server gave no token.", { code: "UNREADABLE" });
    },
    signOut: async () => {
      await http("/auth/logout", { method: "POST" });
    },
  };
}

/** The page goes there: an address of somebody else must not be reached by it. */
function isOwnPath(value: unknown): value is string {
  return typeof value === "string" && /^\/(?![/\\])/.test(value);
}

/** The same name is the same user, also after a reload. Names in other scripts keep their letters. */
export function developmentIdOf(name: string): string {
  const plain = name
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, "-");
  return `dev-${plain.replaceAll(/^-|-$/g, "") || "nobody"}`.slice(0, 128);
}
