import type { StoredTurn, TurnRequest } from "@parley/protocol";
import type { TraceSpan } from "@parley/runtime";
import type { Room } from "./room.ts";
import type { TurnFold } from "./turn-fold.ts";
import type { TurnSpending } from "./usage/turn-spending.ts";

/** What a log line says about a turn, so that it can be found with its trace. */
export function idsOf({ request: { turn_id, conversation_id }, span }: Pick<ClaimedTurn, "request" | "span">) {
  return { turn_id, conversation_id, ...(span.traceId === undefined ? {} : { trace_id: span.traceId }) };
}

/** A turn in the hands of this worker. */
export interface ClaimedTurn {
  readonly request: TurnRequest;
  /** Its sequence in the queue: the order of acceptance. */
  readonly place: number;
  /** When it came into the queue, by the broker's clock, ms since 1970. */
  readonly queuedAt: number;
  /** What is stored of it; its chain keeps it up to date. */
  readonly fold: TurnFold;
  readonly attempt: number;
  /** The newest turns of the conversation, oldest first, as they were when this one was claimed. Rejects when the broker does not answer. */
  readonly history: Promise<readonly StoredTurn[]>;
  /** What is known of its room, where the edge has said that it has one. Rejects as `history` does. */
  readonly room?: Promise<Room | undefined> | undefined;
  /** Aborted with TurnCancelled, TurnHandedOver, FencedError, or a ChatError when the turn's time is over. */
  readonly stop: AbortController;
  /** Of this attempt. */
  readonly span: TraceSpan;
  /** What this attempt uses; undefined until it runs. */
  readonly spending?: TurnSpending;
}
