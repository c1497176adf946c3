import { ChatError, type User } from "@parley/protocol";
import type { Tokens } from "./tokens.ts";

/** Who may ask: anybody; whoever shows a token; in development also who shows none. */
export type Access = "anybody" | "user" | "user or developer";

/** Clients of seed A have no tokens. In development they are all this one user, so their conversations go on from request to request. */
const developer: User = { id: "dev-anonymous" };

/** Whose request it is, by its header `authorization`. Throws AUTH_REQUIRED, AUTH_INVALID or AUTH_EXPIRED. */
export function createCaller(tokens: Pick<Tokens, "verify">, isDevelopment: boolean) {
  return async (authorization: string, access: Access): Promise<User> => {
    if (access === "anybody") return developer;
    if (authorization === "") {
      if (access === "user or developer" && isDevelopment) return developer;
      throw new ChatError("AUTH_REQUIRED");
    }
    const [scheme = "", token = ""] = authorization.trim().split(/\s+/, 2);
    if (scheme.toLowerCase() !== "bearer" || token === "") throw new ChatError("AUTH_INVALID");
    return (await tokens.verify(token)).user;
  };
}
