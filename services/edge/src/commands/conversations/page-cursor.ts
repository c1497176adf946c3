import { ChatError, type TurnId } from "@parley/protocol";

/** Where a page of a transcript ends that comes before another one. */
export interface PageCursor {
  readonly before: number;
  /** Whose path it is, where the conversation has branches: a turn that came meanwhile makes another one the newest. */
  readonly leaf?: TurnId | undefined;
}

const written = /^([1-9][0-9]{0,15})(?:~([A-Za-z0-9_-]{1,64}))?$/;

/** Throws INVALID_FRAME. */
export function parseCursor(text: string | undefined): PageCursor {
  if (text === undefined) return { before: 0 };
  const [, seq, leaf] = written.exec(text) ?? [];
  if (seq === undefined) {
    const message = "The request is not valid: before is what a page has said under that name.";
    throw new ChatError("INVALID_FRAME", { message });
  }
  return { before: Number(seq), leaf };
}

/** Undefined: there is nothing before it. */
export function cursorText({ before, leaf }: PageCursor): string | undefined {
  if (before === 0) return undefined;
  return leaf === undefined ? String(before) : `${before}~${leaf}`;
}
