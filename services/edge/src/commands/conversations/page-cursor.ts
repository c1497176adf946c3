import type { TurnId } from "@parley/protocol";
import { z } from "zod";

/** Where a page of a transcript ends that comes before another one. */
export interface PageCursor {
  readonly before: number;
  /** Whose path it is, where the conversation has branches: a turn that came meanwhile makes another one the newest. */
  readonly leaf?: TurnId | undefined;
}

const written = /^([1-9][0-9]{0,15})(?:~([A-Za-z0-9_-]{1,64}))?$/;

/** As it comes in a query. */
export const CursorText = z.string().regex(written, "must be a place that a page has named");

/** Of a text that was checked; undefined: at the end. */
export function cursorOf(text: string | undefined): PageCursor {
  const [, seq = "0", leaf] = written.exec(text ?? "") ?? [];
  return { before: Number(seq), leaf };
}

/** Undefined: there is nothing before it. */
export function cursorText({ before, leaf }: PageCursor): string | undefined {
  if (before === 0) return undefined;
  return leaf === undefined ? String(before) : `${before}~${leaf}`;
}
