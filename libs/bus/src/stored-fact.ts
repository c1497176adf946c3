import type { CallId, ConversationId, FactKind, FactOf, TurnId } from "@parley/protocol";

/** A fact that is there and cannot be read. It is a fact all the same: an unreadable licence is a licence. */
export const unreadableFact = { kind: "unreadable" } as const;
export type ReadFact<Kind extends FactKind = FactKind> = FactOf<Kind> | typeof unreadableFact;

export interface FactAddress {
  readonly conversation: ConversationId;
  readonly turn: TurnId;
  /** Of the kinds that are about a call. */
  readonly call?: CallId;
}

/** A fact with its place in the stream. */
export interface StoredFact<Kind extends FactKind> {
  readonly fact: ReadFact<Kind>;
  /** By the broker's clock. */
  readonly storedMs: number;
  readonly seq: number;
}

export interface FactCounts {
  readonly written: Record<FactKind, number>;
  /** Another one was there. */
  readonly refused: Record<FactKind, number>;
  /** The stream had no room. */
  withoutRoom: number;
  read: number;
}
