import { ChatError, type User } from "@parley/protocol";
import type { Tokens } from "../auth/tokens.ts";
import type { Exchange } from "./exchange.ts";
import type { Access } from "./route.ts";

/** Clients of seed A have no tokens. In development they are all this one user, so their conversations go on from request to request. */
const developer: User = { id: "dev-anonymous" };

/** Whose request it is. Throws AUTH_REQUIRED, AUTH_INVALID, AUTH_EXPIRED or AUTH_UNAVAILABLE. */
export function createCaller(tokens: Pick<Tokens, "verify">, isDevelopment: boolean) {
  return async (exchange: Exchange, access: Access): Promise<User> => {
    if (access === "anybody") return developer;
    const authorization = exchange.header("authorization");
    if (authorization === "") {
      if (access === "user or developer" && isDevelopment) return developer;
      throw new ChatError("AUTH_REQUIRED");
    }
    const [scheme = "", token = ""] = authorization.trim().split(/\s+/, 2);
    if (scheme.toLowerCase() !== "bearer" || token === "") throw new ChatError("AUTH_INVALID");
    return (await tokens.verify(token)).user;
  };
}
