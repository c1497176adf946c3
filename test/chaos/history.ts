import type { PromiseId } from "./promise.ts";
import type { ConversationView, StoredEvent, TranscriptMessage } from "@parley/protocol";
import type { Recording } from "./clients/recording.ts";
import type { ConversationPlan } from "./plan/plan.ts";
import type { Answer } from "./clients/device.ts";
import type { Watched } from "./dialects/watching.ts";
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

/** Somebody who is not of the conversation tried to decide on a call. */
export interface StrangersTry {
  readonly call: string;
  /** Of the answer. */
  readonly status: number;
}

/** A call of a tool that needs a person's word, as the transcript has it, and the facts about it. */
export interface AskedCall {
  readonly turn: string;
  readonly call: string;
  readonly status: string;
  /** How its turn ended. */
  readonly outcome: string;
  /** Somebody wanted to decide on it, long before its time was over. */
  readonly isWanted: boolean;
  readonly asked: { readonly atMs: number; readonly ttlMs: number } | undefined;
  readonly decided: AskedDecision | undefined;
}

export interface AskedDecision {
  /** By the broker's clock. */
  readonly atMs: number;
  readonly approved: boolean;
  /** Undefined: nobody, the time was over. */
  readonly by: string | undefined;
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
  /** What its devices had in the end. */
  readonly views: readonly ConversationView[];
  readonly answers: readonly GivenAnswer[];
  readonly askedCalls: readonly AskedCall[];
  readonly strangersTries: readonly StrangersTry[];
  /** What clients of all dialects saw of its turns. Absent: nobody looked. */
  readonly watched?: readonly Watched[];
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
