import type { LoadOptions } from "./load-options.ts";
import type { Ledger } from "./ledger.ts";
import type { World } from "./world/world.ts";

/** What an act of the driver may look at and break. */
export interface Stage {
  readonly world: World;
  readonly options: LoadOptions;
  readonly ledger: Ledger;
  /** Resolves at this time of the run, or rejects when it is stopped. */
  at(ms: number): Promise<void>;
  /** Says what happened, and marks it in the plots. */
  note(text: string): void;
  readonly signal: AbortSignal;
}
