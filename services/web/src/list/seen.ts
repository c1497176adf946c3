import { createTextStore, fieldsIn, type Tabs, type TextStorage } from "../settings/text-store.ts";

/** What this browser has seen of a person's conversations: what has changed since is unread. */
export interface SeenStore {
  /** Another object after each change. */
  readonly read: () => Seen;
  readonly subscribe: (listener: () => void) => () => void;
  readonly mark: (conversationId: string, updatedAtMs: number) => void;
}

export interface Seen {
  /** Conversations that last changed before this are not unread: this person came here only then, or the marks were too many. */
  readonly sinceMs: number;
  /** By conversation: the change that was seen, by the server's clock. */
  readonly marks: Readonly<Record<string, number>>;
}

interface SeenStoreOptions {
  readonly userId: string;
  readonly storage: TextStorage | undefined;
  /** Tells when another tab has written: a window. */
  readonly tabs?: Tabs | undefined;
  readonly now?: () => number;
}

export const maxMarks = 500;
const keyPrefix = "parley.seen.";

export function isUnread({ sinceMs, marks }: Seen, id: string, updatedAtMs: number): boolean {
  return updatedAtMs > (Object.hasOwn(marks, id) ? (marks[id] ?? 0) : sinceMs);
}

export function createSeenStore({ userId, storage, tabs, now = Date.now }: SeenStoreOptions): SeenStore {
  const key = keyPrefix + userId;
  const texts = createTextStore(storage, tabs);
  const listeners = new Set<() => void>();
  let stopHearing: (() => void) | undefined;
  let seen = seenIn(texts.read(key)) ?? { sinceMs: now(), marks: {} };

  const set = (next: Seen): void => {
    seen = next;
    for (const listener of listeners) listener();
  };
  const hear = (): void => {
    const other = seenIn(texts.read(key));
    if (other !== undefined) set(joined(seen, other));
  };

  return {
    read: () => seen,
    mark(id, updatedAtMs) {
      if (!isUnread(seen, id, updatedAtMs) && Object.hasOwn(seen.marks, id)) return;
      // Another tab may have written since.
      set(bounded(joined({ ...seen, marks: { ...seen.marks, [id]: updatedAtMs } }, seenIn(texts.read(key)))));
      texts.write(key, JSON.stringify(seen));
    },
    subscribe(listener) {
      stopHearing ??= texts.onOther(key, hear);
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        stopHearing?.();
        stopHearing = undefined;
      };
    },
  };
}

/** The later of two marks: nothing becomes unread again because a tab was behind. */
function joined(one: Seen, other: Seen | undefined): Seen {
  if (other === undefined) return one;
  const marks: Record<string, number> = { ...one.marks };
  for (const [id, at] of Object.entries(other.marks))
    marks[id] = Math.max(at, Object.hasOwn(marks, id) ? (marks[id] ?? 0) : 0);
  return { sinceMs: Math.max(one.sinceMs, other.sinceMs), marks };
}

/** The oldest marks go; what is older than they were counts as seen. */
function bounded(seen: Seen): Seen {
  const { sinceMs, marks } = seen;
  if (Object.keys(marks).length <= maxMarks) return seen;
  const newestFirst = Object.entries(marks).toSorted(([, one], [, other]) => other - one);
  const [, droppedMs = 0] = newestFirst[maxMarks] ?? [];
  return { sinceMs: Math.max(sinceMs, droppedMs), marks: Object.fromEntries(newestFirst.slice(0, maxMarks)) };
}

function seenIn(text: string | undefined): Seen | undefined {
  const { sinceMs, marks } = fieldsIn(text) ?? {};
  if (typeof sinceMs !== "number" || typeof marks !== "object" || marks === null) return undefined;
  return { sinceMs, marks: Object.fromEntries(Object.entries(marks).filter(isMark)) };
}

function isMark(entry: [string, unknown]): entry is [string, number] {
  return typeof entry[1] === "number";
}
