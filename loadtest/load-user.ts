import type { Group, Settings } from "./settings.ts";
import type { Tally } from "./tally.ts";

export interface UserOptions {
  readonly settings: Settings;
  readonly group: Group;
  readonly user: number;
  readonly token: string;
  readonly tally: Tally;
}

/** One of the many whom a VU plays. */
export interface LoadUser {
  connect(): void;
  /** Begins nothing new. */
  finish(): void;
  isBusy(): boolean;
  /** Gives up what is not finished. */
  close(): void;
}
