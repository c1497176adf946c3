import { z } from "zod";
import { ApiStatus, badRequest } from "./api-status.ts";

const MAX_TOKEN_LENGTH = 1_000;
const token = z.object({ after: z.string(), version: z.string().regex(/^\d+$/) });

export type Page<T> = { items: T[]; next: string | undefined; remaining: number };
export type PageRequest = { limit: string | null; continueToken: string | null };

/**
 * One page of a sorted list. The token names the last key of the page before and the version of the list, so a page
 * never repeats an object; a token older than `oldestVersion` answers 410 and the caller starts again.
 */
export function pageOf<T>(
  sorted: readonly T[],
  keyOf: (item: T) => string,
  request: PageRequest,
  versions: { current: string; oldest: number },
): Page<T> {
  const from = readToken(request.continueToken, versions.oldest);
  const rest = from === undefined ? sorted : sorted.filter((item) => keyOf(item) > from);
  const limit = readLimit(request.limit) ?? rest.length;
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  const remaining = rest.length - items.length;
  if (remaining === 0 || last === undefined) return { items, next: undefined, remaining: 0 };
  return { items, next: writeToken(keyOf(last), versions.current), remaining };
}

/** Kubernetes takes 0 for "no limit". */
function readLimit(limit: string | null): number | undefined {
  if (limit === null || limit === "" || limit === "0") return undefined;
  if (!/^\d{1,9}$/.test(limit)) throw badRequest(`invalid limit: ${limit.slice(0, 20)}`);
  return Number(limit);
}

function writeToken(after: string, version: string): string {
  return Buffer.from(JSON.stringify({ after, version }), "utf8").toString("base64url");
}

function readToken(text: string | null, oldestVersion: number): string | undefined {
  if (text === null || text === "") return undefined;
  const read = text.length > MAX_TOKEN_LENGTH ? undefined : token.safeParse(decode(text)).data;
  if (read === undefined) throw badRequest("continue key is not valid");
  if (Number(read.version) < oldestVersion) {
    throw new ApiStatus(
      410,
      "Expired",
      "The provided continue parameter is too old to display a consistent list result.",
    );
  }
  return read.after;
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
