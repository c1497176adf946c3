import type { TimedFault } from "./faults/fault.ts";
import type { PromiseId } from "./promise.ts";
import type { Workload } from "./plan/plan.ts";
import type { End } from "./plan/prompts.ts";
import type { Random } from "./plan/random.ts";
import type { RoomWorkload } from "./rooms/room-plan.ts";
import type { Shape } from "./world/world.ts";

/**
 * What a scenario allows beyond the promises as they are written, each because of what it breaks. Everything that is not named here is
 * held to the letter.
 */
export interface Expected {
  /** Ends that any turn may have, besides those of its own prompt. */
  readonly ends: readonly End[];
  /** A viewer may be given the whole conversation in one snapshot although it had a cursor. */
  readonly freshSnapshots: boolean;
  /**
   * The event log was lost in mid-run. What was stored in it before is not checked any more, a running turn begins again, and an end that
   * viewers had already seen may be told once more, with the same words.
   */
  readonly logLost: boolean;
  /** How long after the request to cancel a turn may go on: workers may be dead, frozen or cut off meanwhile. */
  readonly cancelWithinMs: number;
  /** How long after a person's decision a turn that waited for it may still wait. */
  readonly goesOnWithinMs: number;
  /** How much later than the broker stores an event its live copy may come. Zero: as late as a busy broker on this machine is. */
  readonly copiesLateMs: number;
  /** The same of copies on their way to agent workers: so long they cannot know that a turn is cancelled. */
  readonly agentsHearLateMs: number;
}

export const asPromised: Expected = {
  ends: [],
  freshSnapshots: false,
  logLost: false,
  cancelWithinMs: 2_000,
  goesOnWithinMs: 4_000,
  copiesLateMs: 0,
  agentsHearLateMs: 0,
};

/** What happened in a run, for the table and for the scenario's own proof that it did what it is for. */
export interface Tally {
  readonly turns: number;
  readonly faults: number;
  /** Turns that were claimed again. */
  readonly takeovers: number;
  readonly reconnects: number;
  readonly snapshots: number;
  readonly lagged: number;
  readonly cancelled: number;
  /** Turns that waited behind another one. */
  readonly waited: number;
  readonly toolRuns: number;
  /** Decisions of people that counted, on calls of turns that waited for them. */
  readonly decisions: number;
  /** How long after each of these its turn was claimed. */
  readonly goesOnAfterMs: readonly number[];
  /** Live copies that were held on their way, and those that went on after later ones. */
  readonly late: number;
  readonly overtaken: number;
  readonly ends: Readonly<Record<string, number>>;
}

export interface Scenario {
  readonly name: string;
  /** What happens, in one sentence. */
  readonly about: string;
  /** What it is mainly about; all promises are checked in all scenarios. */
  readonly promises: readonly PromiseId[];
  readonly shape: Shape;
  readonly workload: Workload;
  readonly faults: (random: Random, spanMs: number) => readonly TimedFault[];
  readonly expected: Expected;
  /** More would be a test of what the scenario itself puts between the parts. */
  readonly mostTurns?: number;
  /** Stays until the edges have let go of every conversation, half a minute after its last viewer left. */
  readonly waitsForHubs?: boolean;
  /** Each turn is also looked at in every dialect, by clients whose connections are cut. */
  readonly throughDialects?: boolean;
  /** Conversations with several people, beside those of the workload. */
  readonly rooms?: RoomWorkload;
  /** Whether the run did what the scenario is for; else the sentence that says what is missing. */
  readonly proof: (tally: Tally) => string | undefined;
}
