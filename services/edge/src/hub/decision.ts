import type { StoredFact } from "@parley/bus";
import { limits, type FactOf, type StoredEvent } from "@parley/protocol";

/** What was asked of a person, and what was decided on it (docs/adr/0017): what the two facts say together. */

export type Asked = StoredFact<"asked"> & { readonly fact: FactOf<"asked"> };
export type Decision = StoredFact<"decided"> & { readonly fact: FactOf<"decided"> };
export type DecidedEvent = Extract<StoredEvent, { type: "approval_decided" }>;

export function isAsked(found: StoredFact<"asked"> | undefined): found is Asked {
  return found?.fact.kind === "asked";
}

export function isDecision(found: StoredFact<"decided"> | undefined): found is Decision {
  return found?.fact.kind === "decided";
}

/** Whether nobody agreed in time, by the broker's clock alone; as whoever carries it out judges it. To say no it is never too late. */
export function hasExpired(asked: Asked, decision: Decision): boolean {
  const { expires_at, ts } = asked.fact;
  if (decision.fact.expired === true || !decision.fact.approved) return decision.fact.expired === true;
  return decision.storedMs - asked.storedMs > expires_at - ts + limits.approvalGraceMs;
}

/** What viewers are told. A pure function of the facts: whoever finds a decision without its event writes the same. */
export function decidedEventOf(asked: Asked, decision: Decision): DecidedEvent {
  const { conversation_id, turn_id, call_id, ts, approved, by, reason } = decision.fact;
  const place = { type: "approval_decided", conversation_id, turn_id, ts, call_id } as const;
  if (hasExpired(asked, decision)) return { ...place, approved: false, reason: "expired" };
  return { ...place, approved, ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) };
}
