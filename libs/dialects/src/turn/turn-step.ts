import type { Files, Outcome, Parts, ReadEvent, SourcePart, ToolCallPart } from "@parley/protocol";

/**
 * What happens to an answer, as every protocol outside has a word for it. `at` is the number of a part: it rises from part to part and is never given
 * again, also not after a part was taken back, so ids can be made of it. The parts that are open at a time are the last one, if that is text or reasoning, and calls.
 */
export type TurnStep =
  /** First, and once. */
  | { readonly type: "started" }
  /** The model is asked anew, with the results of the calls before: what follows is of its next step. Never before the first. */
  | { readonly type: "step" }
  | { readonly type: "opened"; readonly at: number; readonly kind: GrowingKind }
  | { readonly type: "added"; readonly at: number; readonly kind: GrowingKind; readonly text: string }
  /** `text`: all of it. */
  | { readonly type: "closed"; readonly at: number; readonly kind: GrowingKind; readonly text: string }
  | { readonly type: "called"; readonly at: number; readonly call: ToolCallPart }
  /** A person has to agree to the call. */
  | { readonly type: "asked"; readonly at: number; readonly call: ToolCallPart }
  | { readonly type: "decided"; readonly at: number; readonly call: ToolCallPart }
  /** The call has ended, as its `status` says. `files`: what the tool gave back beside its result. */
  | { readonly type: "returned"; readonly at: number; readonly call: ToolCallPart; readonly files?: Files }
  | { readonly type: "found"; readonly at: number; readonly source: SourcePart }
  /** Something to be shown for the moment; it is in no snapshot, so who missed it never gets it. */
  | { readonly type: "noted"; readonly event: NotedEvent }
  /** The parts from this one on are taken back; what stays of them follows anew. */
  | { readonly type: "restarted"; readonly from: number }
  /** The turn waits for people's words on these calls, and nothing follows before they decide. */
  | { readonly type: "waiting"; readonly calls: readonly ToolCallPart[] }
  /** Last. All parts are closed. */
  | { readonly type: "ended"; readonly outcome: Outcome; readonly parts: Parts }
  /** Last: what was sent is not the answer any more, and cannot be taken back. */
  | { readonly type: "diverged" };

export type GrowingKind = "text" | "reasoning";
export type NotedEvent = Extract<ReadEvent, { type: "thinking" | "progress" | "tool_call_progress" }>;

export interface TurnStepsOptions {
  /**
   * What the client can be told to take back. `any`: any part. `step`: what came since the last `step`. `never`: nothing: then an answer that begins anew is
   * compared with what was sent, goes on where it has repeated that, and has `diverged` when it says something else.
   */
  readonly takesBack: "any" | "step" | "never";
  /** Kinds of parts that the client is never told of. */
  readonly without?: ReadonlySet<"reasoning" | "tool_call" | "source">;
  /** What the client has already, from an earlier stream of the same turn: no steps are made of it. */
  readonly has?: Parts;
}
