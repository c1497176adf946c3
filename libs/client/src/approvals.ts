import {
  ChatError,
  chatErrorOf,
  isToolCall,
  type ApprovalDecision,
  type ClientFrameInput,
  type ConversationView,
  type DecisionFrame,
  type FrameError,
  type ToolCallPart,
  type TurnView,
} from "@parley/protocol/fold";
import { createDeferred, type Deferred } from "./deferred.ts";

export interface ApproveOptions {
  /** Why, in the words of whoever decides: at most 500 characters. */
  readonly reason?: string;
  /** What has to be typed, where the call asks for that. */
  readonly confirm?: string;
  /** Calls like it are agreed to as well, for so many ms: at most what the question offers as `like_ms`. */
  readonly like?: number;
  /** What was filled in of the question's `form`, by name of the field. */
  readonly content?: Readonly<Record<string, string | number | boolean | string[]>>;
}

type ApproveFrame = Extract<ClientFrameInput, { type: "approve" }>;

interface Pending {
  readonly frame: ApproveFrame;
  readonly answer: Deferred<ApprovalDecision>;
}

/** Decisions that were made here. Each is sent again on every new connection until the view or the server tells that it was decided, or the server refuses. */
export interface Approvals {
  readonly add: (callId: string, approved: boolean, options: ApproveOptions) => Promise<ApprovalDecision>;
  /** On a new connection. */
  readonly flush: () => void;
  /** To be called after the view has changed. */
  readonly look: () => void;
  /** The server says which decision counts. */
  readonly answered: (decision: DecisionFrame) => void;
  /** True when the error is an answer to a decision. */
  readonly refused: (error: FrameError) => boolean;
  readonly close: (reason: Error) => void;
}

/** More than a turn has calls. */
const maxPending = 64;

export function createApprovals(view: () => ConversationView, send: (frame: ClientFrameInput) => boolean): Approvals {
  const pending = new Map<string, Pending>();

  function settle(callId: string): Deferred<ApprovalDecision> | undefined {
    const answer = pending.get(callId)?.answer;
    pending.delete(callId);
    return answer;
  }

  const decided = (frame: ApproveFrame, decision: ApprovalDecision): void =>
    settleAs(settle(frame.call_id), frame, decision);

  function look(): void {
    for (const { frame } of pending.values()) {
      const found = callIn(view(), frame.call_id);
      const { approved, ...said } = found?.call.approval ?? {};
      if (approved !== undefined) decided(frame, { approved, ...said });
      else if (found?.turn.outcome !== undefined) settle(frame.call_id)?.reject(hasEnded());
    }
  }

  return {
    add: (call_id, approved, options) => {
      const known = pending.get(call_id);
      if (known !== undefined && known.frame.approved === approved) return known.answer.promise;
      if (known !== undefined) return Promise.reject(decidedOtherwise());
      if (pending.size >= maxPending) return Promise.reject(new ChatError("QUEUE_FULL", "Too many decisions are waiting.", true));
      const { conversation_id } = view();
      const frame: ApproveFrame = { type: "approve", conversation_id, call_id, approved, ...fieldsOf(options) };
      const answer = createDeferred<ApprovalDecision>();
      pending.set(call_id, { frame, answer });
      look();
      if (pending.has(call_id)) send(frame);
      return answer.promise;
    },
    flush: () => {
      look();
      for (const { frame } of pending.values()) send(frame);
    },
    look,
    answered: (decision) => {
      const known = pending.get(decision.call_id)?.frame;
      if (known !== undefined) decided(known, decision);
    },
    refused: (error) => {
      if (error.frame !== "approve") return false;
      const callId = refusedCall(error, pending);
      if (callId !== undefined) settle(callId)?.reject(chatErrorOf(error));
      return true;
    },
    close: (reason) => rejectAll(pending, reason),
  };
}

function fieldsOf({ like, ...said }: ApproveOptions): Partial<ApproveFrame> {
  return { ...said, ...(like === undefined ? {} : { like_ms: like }) };
}

function rejectAll(pending: Map<string, Pending>, reason: Error): void {
  for (const { answer } of pending.values()) answer.reject(reason);
  pending.clear();
}

function refusedCall({ call_id, code }: FrameError, pending: ReadonlyMap<string, Pending>): string | undefined {
  // A server that goes away says so to everybody; the next one will take the decision.
  if (code === "SHUTTING_DOWN") return undefined;
  // Older servers do not say which: they answer in order.
  return call_id ?? [...pending.keys()][0];
}

function callIn({ turns }: ConversationView, callId: string): { turn: TurnView; call: ToolCallPart } | undefined {
  for (const turn of turns) {
    const call = turn.parts.filter(isToolCall).find(({ call_id }) => call_id === callId);
    if (call !== undefined) return { turn, call };
  }
  return undefined;
}

function settleAs(
  answer: Deferred<ApprovalDecision> | undefined,
  { approved }: ApproveFrame,
  decision: ApprovalDecision,
): void {
  if (decision.approved === approved) answer?.resolve({ approved, ...given(decision) });
  else answer?.reject(decidedOtherwise());
}

function given({ by, reason, like_for_ms }: Partial<ApprovalDecision>): Partial<ApprovalDecision> {
  return {
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
    ...(like_for_ms === undefined ? {} : { like_for_ms }),
  };
}

function decidedOtherwise(): ChatError {
  return new ChatError("CONFLICT", "It was decided otherwise before.");
}

function hasEnded(): ChatError {
  return new ChatError("NOT_FOUND", "The answer has ended: nothing of it waits for a decision.");
}
