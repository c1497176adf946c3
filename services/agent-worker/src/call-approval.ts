import { longestDelayMs, type Bus, type FactAddress, type ReadFact } from "@parley/bus";
import { limits, subjects, type FactOf } from "@parley/protocol";

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
