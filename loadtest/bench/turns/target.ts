import type { withBelongings } from "../measure/belongings.ts";
import type { DialectName } from "./dialects.ts";

/** Processes whose costs are told apart. */
export const parts = ["worker", "broker", "edge", "toolWorker", "redis"] as const;
export type Part = (typeof parts)[number];

export const partTitles: Readonly<Record<Part, string>> = {
  worker: "worker",
  broker: "NATS",
  edge: "edge",
  toolWorker: "tool worker",
  redis: "Redis",
};

export type Own = Parameters<Parameters<typeof withBelongings>[0]>[0];

export interface Victim {
  kill(): Promise<unknown>;
  freeze(): void;
  thaw(): void;
}

/** A system that runs and answers. */
export interface Target {
  readonly port: number;
  readonly secret: string;
  readonly pids: Readonly<Partial<Record<Part, readonly number[]>>>;
  /** The process that reads the model. */
  readonly victim: Victim;
  /** Starts one more that can take over. Undefined: nobody can. */
  readonly addWorker: (() => Promise<unknown>) | undefined;
}

export interface TargetOptions {
  readonly own: Own;
  readonly modelUrl: string;
  readonly workers: number;
  /** For the process that reads the model, where it is one of ours. */
  readonly workerEnv: Readonly<Record<string, string>>;
}

/** One of those that are compared. */
export interface Contender {
  readonly name: DialectName;
  readonly title: string;
  /** It has tools, so that the rows with tools make sense. */
  readonly hasTools: boolean;
  /** Gets what it needs. Returns a sentence when it cannot be had here. */
  prepare(say: (line: string) => void): Promise<string | undefined>;
  start(options: TargetOptions): Promise<Target>;
}
