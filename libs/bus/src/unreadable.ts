import { addCounts, type Logger, type Registry } from "@parley/runtime";

/** What may be stored and not be readable. */
export type UnreadableKind = "event" | "turn" | "record" | "owner" | "fact" | "audit";

export interface StoredPlace {
  readonly subject: string;
  readonly seq: number;
  /** It was deleted, by its key: nobody need look at it. */
  readonly isErased?: true;
}

export type Unreadable = ReturnType<typeof createUnreadable>;

/**
 * Counts what is stored and cannot be read: garbage, or what a version newer than the next one wrote. Readers pass over it; somebody should look
 * at it. The log holds back repeated lines by itself.
 */
export function createUnreadable(log: Logger) {
  const counts: Record<UnreadableKind, number> = { event: 0, turn: 0, record: 0, owner: 0, fact: 0, audit: 0 };
  return {
    counts,
    note(kind: UnreadableKind, { subject, seq, isErased }: StoredPlace): void {
      if (isErased === true) return;
      counts[kind]++;
      log.error({ subject, seq }, `a stored ${kind} cannot be read and is passed over`);
    },
  };
}

/** The same as a figure of the process. */
export function addUnreadableFigure(registry: Registry, { counts }: Pick<Unreadable, "counts">): void {
  addCounts(registry, {
    name: "parley_unreadable_total",
    help: "Stored events, turns, records, owners, facts and entries of the audit log that could not be read, and were passed over.",
    label: "kind",
    read: () => Object.entries(counts),
  });
}
