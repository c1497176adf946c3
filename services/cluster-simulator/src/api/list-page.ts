import { z } from "zod";
import { badRequest, expired } from "../api-status.ts";

const MAX_TOKEN_LENGTH = 1_000;
/** For how long a continue token is good; an API server compacts its history after this time. */
const TOKEN_LIFE_MS = 5 * 60_000;
const Token = z.object({ after: z.string(), version: z.number().int(), atMs: z.number() });
export type Token = z.infer<typeof Token>;

/** Kubernetes takes 0 for "no limit". */
export function readLimit(limit: string | null): number | undefined {
  if (limit === null || limit === "" || limit === "0") return undefined;
  if (!/^\d{1,9}$/.test(limit)) throw badRequest(`invalid limit: ${limit.slice(0, 20)}`);
  return Number(limit);
}

/** Names the last key of a page and the version of the list, so that the next page goes on with the same list. */
export function writeToken(token: Token): string {
  return Buffer.from(JSON.stringify(token), "utf8").toString("base64url");
}

/** Throws a 410 for a token whose list is no longer kept; the caller starts again. */
export function readToken(text: string | null, nowMs: number, compacted: number): Token | undefined {
  if (text === null || text === "") return undefined;
  const read = text.length > MAX_TOKEN_LENGTH ? undefined : Token.safeParse(decode(text)).data;
  if (read === undefined) throw badRequest("continue key is not valid");
  if (read.version < compacted || nowMs - read.atMs > TOKEN_LIFE_MS)
    throw expired(
      "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results.",
    );
  return read;
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
