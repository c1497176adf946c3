/** A figure that may not be worse than this. */
export interface Budget {
  readonly what: string;
  readonly value: number;
  readonly limit: number;
  /** Whether the limit is the least (`>=`) or the most (`<=`) that is allowed. */
  readonly is: ">=" | "<=";
}

export interface BenchResult {
  /** Everything measured, for the result file. */
  readonly figures: unknown;
  /** What people read; the first row is the heading. */
  readonly table: readonly (readonly string[])[];
  readonly budgets: readonly Budget[];
  /** What has no place in the table, as sentences. */
  readonly notes?: readonly string[];
  /** A drawing of it, as SVG, with the given line of what it was measured on. */
  readonly plot?: (caption: string) => string;
}

export interface BenchContext {
  /** Runs of each side; they take turns. */
  readonly rounds: number;
  /** Length of one run, where a run has a length. */
  readonly seconds: number;
  /** How long whole turns run before they are measured. */
  readonly warmUpSeconds: number;
  /** Only the parts of the benchmark whose name contains this. */
  readonly only: string | undefined;
  /** Writes a processor profile of the process that is measured. */
  readonly profileDir: string | undefined;
  /** Writes the present figures as the baseline, where there is one. */
  readonly isUpdate: boolean;
  /** Instead of the numbers of people that are usual. */
  readonly people: readonly number[] | undefined;
  /** Up to how many conversations the log is filled. */
  readonly conversations: number | undefined;
  /** Other systems to measure beside Parley. */
  readonly peers: readonly string[];
  /** Processes that share the work of one kind. */
  readonly workers: number;
  /** Only as much as shows that it works: not worth keeping. */
  readonly isQuick: boolean;
  readonly say: (line: string) => void;
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  /** Not part of `all`'s promise about time; in seconds, roughly. */
  readonly takesSeconds: number;
  /** Length of a run when none is asked for; default 10. */
  readonly seconds?: number;
  /** A budget that is missed makes the command fail. */
  readonly isGate?: boolean;
  run(context: BenchContext): Promise<BenchResult>;
}

export function isKept({ value, limit, is }: Budget): boolean {
  return is === ">=" ? value >= limit : value <= limit;
}
