import type { PromiseId } from "./promise.ts";
import type { StoredEvent, TranscriptMessage } from "@parley/protocol";
import type { Recording } from "./clients/recording.ts";
import type { ConversationPlan } from "./plan/plan.ts";
import type { Answer } from "./clients/device.ts";
import type { Expected } from "./scenario.ts";

/** An event as it is stored. */
export interface StoredAt {
  readonly seq: number;
  readonly turn: string;
  /** What follows the turn in its subject: `a`, `user`, `ctl`, `tool.<call>`, … */
  readonly channel: string;
  readonly event: StoredEvent;
}

export interface GivenAnswer {
  readonly id: string;
  readonly device: string;
  readonly answer: Answer;
}

/** Everything that is known of one conversation when all is over. */
export interface ConversationHistory {
  readonly plan: ConversationPlan;
  /** The event log, in order. */
  readonly events: readonly StoredAt[];
  /** All messages that are stored in the transcript, also one that is there twice; turns in the order in which they were accepted. */
  readonly records: readonly TranscriptMessage[];
  /** The transcript as a process reads it. */
  readonly transcript: readonly TranscriptMessage[];
  readonly recordings: readonly Recording[];
  readonly answers: readonly GivenAnswer[];
  /** Place of a turn in the queue (its sequence in `TURNS`), of those that were seen there. */
  readonly queued: ReadonlyMap<string, number>;
}

/** What the simulated model says about a request that it got. Times are milliseconds since 1970. */
export interface ModelRequest {
  readonly client_request_id: string | null;
  readonly at: number;
  readonly state: string;
  readonly ended_at: number | null;
}

/** Figures that must be back at their base when everybody has left. */
export interface Figure {
  readonly process: string;
  readonly name: string;
  readonly value: number;
  readonly atMost: number;
}

export interface History {
  readonly expected: Expected;
  readonly conversations: readonly ConversationHistory[];
  /** How often each call of a tool that changes something was executed. */
  readonly executions: ReadonlyMap<string, number>;
  readonly modelRequests: readonly ModelRequest[];
  readonly figures: readonly Figure[];
}

/** A broken promise. */
export interface Violation {
  readonly promise: PromiseId;
  /** One sentence. */
  readonly what: string;
  readonly conversation?: string;
  readonly turn?: string;
  readonly device?: string;
}
