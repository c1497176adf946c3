import type { Report } from "./report.ts";

export interface EvaluationRun {
  /** What stands behind the evaluation's name on the command line. */
  readonly args: readonly string[];
  readonly report: Report;
  /** Aborted when whoever runs it has had enough. */
  readonly signal: AbortSignal;
}

/** What a module of `scripts/eval` exports as `evaluation`; `scripts/eval.mjs` says more. */
export interface Evaluation {
  /** That of its file. */
  readonly name: string;
  /** One sentence for the list. */
  readonly about: string;
  /** Lines for the help. */
  readonly options?: string;
  /** Throws what a person can mend (a set that cannot be read) as an Error with one sentence. */
  run(input: EvaluationRun): Promise<void>;
}
