import type { Bus, FactAddress } from "@parley/bus";
import { askedEventOf, decidedEventOf, foldParts, type StepCall, type TurnRequest } from "@parley/protocol";
import {
  readApproval,
  tellDecision,
  verdictOf,
  type CallApproval,
  type DecisionKind,
  type SeenApproval,
  type Verdict,
} from "./call-approval.ts";
import type { CallsOfTurn } from "./tool-results.ts";
import { foldEvent, type TurnFold } from "./turn-fold.ts";

export interface ApprovalDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "turns">;
  /** A call goes on that waited for it. */
  readonly onDecided: (kind: DecisionKind) => void;
}

export type Approvals = ReturnType<typeof createApprovals>;

const addressOf = ({ conversation_id, turn_id }: TurnRequest, { call_id: call }: StepCall): FactAddress => ({
  ...{ conversation: conversation_id, turn: turn_id },
  call,
});

/** Viewers have it from the events, which may be forgotten, or were not read. */
function show(fold: TurnFold, call: StepCall, { asked, decided }: CallApproval): void {
  fold.parts = foldParts(fold.parts, askedEventOf(asked.fact, call.arguments));
  if (decided?.fact.kind !== "decided") return;
  foldEvent(fold, 0, decidedEventOf(asked, { fact: decided.fact, storedMs: decided.storedMs }));
}

/** Adds to the fold of a turn that goes on what was looked up before it was claimed: a decision is never another one. */
export function foldApprovals(fold: TurnFold, approvals: readonly CallApproval[]): void {
  const calls = new Map(fold.steps.flatMap((step) => step.calls.map((call) => [call.call_id, call] as const)));
  for (const approval of approvals) {
    const { call_id } = approval.asked.fact;
    const call = calls.get(call_id);
    if (call === undefined) continue;
    fold.asked.add(call_id);
    fold.approvals.set(call_id, { ...approval, seenMs: 0 });
    show(fold, call, approval);
  }
}

/** What is known of the agreement to the calls of a turn that runs here. Facts decide; events only say where there are some. */
export function createApprovals({ bus, onDecided }: ApprovalDeps) {
  /** Only an agreement can be too old. Who has just claimed the turn gets the time of that, or a later one. */
  const seen = async (approval: CallApproval, { request }: CallsOfTurn): Promise<SeenApproval> => {
    const isAgreed = verdictOf({ ...approval, seenMs: 0 }).kind === "approved";
    return { ...approval, seenMs: isAgreed ? await bus.turns.nowMs(request.conversation_id) : 0 };
  };
  const lookAt = async (calls: CallsOfTurn, call: StepCall): Promise<boolean> => {
    const { request, fold } = calls;
    const known = fold.approvals.get(call.call_id);
    const approval = known?.decided === undefined ? await readApproval(bus.facts, addressOf(request, call)) : known;
    if (approval === undefined) {
      fold.approvals.delete(call.call_id);
      return fold.asked.delete(call.call_id);
    }
    fold.asked.add(call.call_id);
    fold.approvals.set(call.call_id, await seen(approval, calls));
    show(fold, call, approval);
    return approval.decided !== undefined;
  };

  return {
    /** Looks up what was decided. Returns whether there is something to do about one of them: it was decided, or never asked for. */
    async look(calls: CallsOfTurn, asked: readonly StepCall[]): Promise<boolean> {
      const found = await Promise.all(asked.map((call) => lookAt(calls, call)));
      return found.includes(true);
    },

    /** Whether it was asked for, although nobody has said so here. The broker may be away: then it is looked up again. */
    async isAsked(calls: CallsOfTurn, call: StepCall): Promise<boolean> {
      await lookAt(calls, call).catch(() => false);
      return calls.fold.asked.has(call.call_id);
    },

    /** Undefined: nobody has asked for it. */
    verdict({ fold }: CallsOfTurn, { call_id }: StepCall): Verdict | undefined {
      if (!fold.asked.has(call_id)) return undefined;
      const approval = fold.approvals.get(call_id);
      return approval === undefined ? { kind: "undecided" } : verdictOf(approval);
    },

    /** Makes sure that viewers know what was decided, before they see what comes of it. */
    async tell({ fold }: CallsOfTurn, { call_id }: StepCall): Promise<void> {
      const approval = fold.approvals.get(call_id);
      if (approval?.decided === undefined) return;
      const verdict = verdictOf(approval);
      if (verdict.kind !== "undecided") onDecided(verdict.kind === "denied" ? verdict.how : verdict.kind);
      await tellDecision(bus, approval);
    },
  };
}
