import type { TurnRequest } from "@parley/protocol";
import type { TurnFold } from "./turn-fold.ts";

/** A turn in the hands of this worker. */
export interface ClaimedTurn {
  readonly request: TurnRequest;
  /** What is stored of it; its chain keeps it up to date. */
  readonly fold: TurnFold;
  readonly attempt: number;
  /** Aborted with TurnCancelled, TurnHandedOver, FencedError, or a ChatError when the turn's time is over. */
  readonly stop: AbortController;
}
