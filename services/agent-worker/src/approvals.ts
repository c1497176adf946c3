import { longestDelayMs, type Bus, type FactAddress, type ReadFact } from "@parley/bus";
import { foldParts, limits, subjects, type FactOf, type StepCall, type TurnRequest } from "@parley/protocol";
import type { CallsOfTurn } from "./tool-results.ts";
import { foldEvent } from "./turn-fold.ts";

/** What a person was asked about a call, and what they said. Times are the broker's. */
export interface CallApproval {
  readonly asked: FactOf<"asked">;
  readonly askedMs: number;
  readonly decision: Decision | undefined;
}

interface Decision {
  readonly fact: ReadFact<"decided">;
  readonly atMs: number;
}

/** `denied`: `result` is what people and the model read. */
export type Verdict =
  | { readonly kind: "undecided" }
  | { readonly kind: "approved" }
  | { readonly kind: "denied"; readonly how: "denied" | "expired" | "late"; readonly result: string };

export type DecisionKind = "approved" | Extract<Verdict, { kind: "denied" }>["how"];

const expiredResult = "Nobody agreed in time, so this was not done.";

/** When it counts as denied if nobody has decided: by the broker's clock alone. */
export function expiresAtMs({ asked, askedMs }: CallApproval): number {
  return askedMs + Math.min(longestDelayMs, Math.max(0, asked.expires_at - asked.ts));
}

function deniedResult({ by, reason }: FactOf<"decided">): string {
  if (by === undefined) return "Denied.";
  const who = `Denied by ${by.name ?? by.id}`;
  return reason === undefined || reason === "" ? `${who}.` : `${who}: ${reason}`;
}

export function verdictOf(approval: CallApproval): Verdict {
  const { decision } = approval;
  if (decision === undefined) return { kind: "undecided" };
  const { fact, atMs } = decision;
  if (fact.kind === "unreadable") {
    return { kind: "denied", how: "denied", result: "Not run: what was decided about it cannot be read." };
  }
  if (fact.expired === true) return { kind: "denied", how: "expired", result: expiredResult };
  if (!fact.approved) return { kind: "denied", how: "denied", result: deniedResult(fact) };
  // Whether it is what would run, its tool worker finds out.
  if (atMs <= expiresAtMs(approval) + limits.approvalGraceMs) return { kind: "approved" };
  return { kind: "denied", how: "late", result: expiredResult };
}

type Facts = Pick<Bus["facts"], "readStored">;

/** Undefined: nobody has asked for it, or what was asked cannot be read. */
export async function readApproval(facts: Facts, address: FactAddress): Promise<CallApproval | undefined> {
  const [asked, decided] = await Promise.all([
    facts.readStored("asked", address),
    facts.readStored("decided", address),
  ]);
  if (asked?.fact.kind !== "asked") return undefined;
  const decision = decided === undefined ? undefined : { fact: decided.fact, atMs: decided.storedMs };
  return { asked: asked.fact, askedMs: asked.storedMs, decision };
}

/** The event of a decision: a pure function of the fact, so that whoever finds that without its event writes the same. */
export function decidedEventOf({ conversation_id, turn_id, ts, call_id, approved, by, reason }: FactOf<"decided">) {
  return {
    ...{ type: "approval_decided" as const, conversation_id, turn_id, ts, call_id, approved },
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** The event of a decision, if it is not there. */
export async function tellDecision({ events }: Pick<Bus, "events">, fact: FactOf<"decided">): Promise<void> {
  const { conversation_id, turn_id, call_id } = fact;
  const shard = events.shardOf(conversation_id);
  const subject = subjects.approvalDecided(shard, conversation_id, turn_id, call_id);
  await events.ensureWritten(subject, decidedEventOf(fact));
}

export interface ApprovalDeps {
  readonly bus: Pick<Bus, "events" | "facts">;
  /** A call goes on that waited for it. */
  readonly onDecided: (kind: DecisionKind) => void;
}

export type Approvals = ReturnType<typeof createApprovals>;

const addressOf = ({ conversation_id, turn_id }: TurnRequest, { call_id: call }: StepCall): FactAddress => ({
  ...{ conversation: conversation_id, turn: turn_id },
  call,
});

/** What is known of the agreement to the calls of a turn that runs here. Facts decide; events only say where there are some. */
export function createApprovals({ bus, onDecided }: ApprovalDeps) {
  /** Viewers have it from the events, which may be forgotten. */
  const show = (fold: CallsOfTurn["fold"], call: StepCall, { asked, decision }: CallApproval): void => {
    const { kind: _kind, v: _v, hash: _hash, ...request } = asked;
    fold.parts = foldParts(fold.parts, { type: "approval_required", ...request, arguments: call.arguments });
    if (decision?.fact.kind === "decided") foldEvent(fold, 0, decidedEventOf(decision.fact));
  };
  const lookAt = async ({ request, fold }: CallsOfTurn, call: StepCall): Promise<boolean> => {
    const approval = await readApproval(bus.facts, addressOf(request, call));
    if (approval === undefined) {
      fold.approvals.delete(call.call_id);
      return fold.asked.delete(call.call_id);
    }
    fold.asked.add(call.call_id);
    fold.approvals.set(call.call_id, approval);
    show(fold, call, approval);
    return approval.decision !== undefined;
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
      if (approval?.decision === undefined) return;
      const verdict = verdictOf(approval);
      if (verdict.kind !== "undecided") onDecided(verdict.kind === "denied" ? verdict.how : verdict.kind);
      if (approval.decision.fact.kind === "decided") await tellDecision(bus, approval.decision.fact);
    },
  };
}
