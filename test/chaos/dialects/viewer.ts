import type { Seen, Words } from "./seen.ts";
import type { TurnPlace, Visit } from "./visit.ts";

/** A client of one dialect that looks at one turn. */
export interface Viewer {
  readonly name: string;
  readonly words: Words;
  /** One who has seen nothing yet. */
  readonly look: (place: TurnPlace) => Look;
}

export interface Look {
  /**
   * Looks once, and goes on as the protocol has it where the look before was cut. `over`: the turn has ended. `again`: the stream has ended as it should,
   * and the turn has not. Throws Breach; whatever else it throws is a connection that broke.
   */
  readonly visit: (visit: Visit) => Promise<"over" | "again">;
  /** Of a turn that is over. */
  readonly seen: () => Seen;
}
