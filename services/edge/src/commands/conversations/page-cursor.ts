import type { TurnId } from "@parley/protocol";
import { z } from "zod";

/** Where a page of a transcript ends that comes before another one. */
export interface PageCursor {
  readonly before: number;
  /** Whose path it is, where the conversation has branches: a turn that came meanwhile makes another one the newest. */
  readonly leaf?: TurnId | undefined;
  /** The first post of the page, by its record. Absent beside `before`: no posts are left. */
  readonly posts?: number | undefined;
  /** `before` is the end of the conversation: no turn was on the pages behind this one. Else 0 beside `posts`: no turns are left. */
  readonly isEnd?: boolean | undefined;
}

const written = /^(e|0|[1-9][0-9]{0,15})(?:~([A-Za-z0-9_-]{1,64}))?(?:\.([1-9][0-9]{0,15}))?$/;

/** As it comes in a query. */
export const CursorText = z.string().regex(written, "must be a place that a page has named");

/** Of a text that was checked; undefined: at the end. */
export function cursorOf(text: string | undefined): PageCursor {
  const [, turns = "0", leaf, posts] = written.exec(text ?? "") ?? [];
  const isEnd = turns === "e";
  return {
    before: isEnd ? 0 : Number(turns),
    leaf,
    ...(posts === undefined ? {} : { posts: Number(posts) }),
    ...(isEnd ? { isEnd } : {}),
  };
}

/** Undefined: there is nothing before it. */
export function cursorText({ before, leaf, posts, isEnd = false }: PageCursor): string | undefined {
  if (before === 0 && posts === undefined && !isEnd) return undefined;
  const turns = isEnd ? "e" : String(before);
  return `${turns}${leaf === undefined ? "" : `~${leaf}`}${posts === undefined ? "" : `.${posts}`}`;
}
