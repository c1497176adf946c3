import type { StoredFact } from "@parley/bus";
import type { FactOf, StoredEvent } from "@parley/protocol";

/** What was asked of a person, and what was decided on it (docs/adr/0017): what the two facts say together. */

/** How an edge answers who decides. */
export type ApprovalOutcome = "approved" | "denied" | "repeated" | "conflict" | "expired";

export type Asked = StoredFact<"asked"> & { readonly fact: FactOf<"asked"> };
export type Decision = StoredFact<"decided"> & { readonly fact: FactOf<"decided"> };
export type DecidedEvent = Extract<StoredEvent, { type: "approval_decided" }>;

/** What a decision may take on its way to the broker, beyond the time there is for it. Judged alike by whoever carries it out. */
const graceMs = 5_000;

export function isAsked(found: StoredFact<"asked"> | undefined): found is Asked {
  return found?.fact.kind === "asked";
}

export function isDecision(found: StoredFact<"decided"> | undefined): found is Decision {
  return found?.fact.kind === "decided";
}

/** Whether nobody decided in time, by the broker's clock alone. */
export function hasExpired(asked: Asked, decision: Decision): boolean {
  const { expires_at, ts } = asked.fact;
  return decision.fact.expired === true || decision.storedMs - asked.storedMs > expires_at - ts + graceMs;
}

/** What viewers are told. A pure function of the facts: whoever finds a decision without its event writes the same. */
export function decidedEventOf(asked: Asked, decision: Decision): DecidedEvent {
  const { conversation_id, turn_id, call_id, ts, approved, by, reason } = decision.fact;
  const place = { type: "approval_decided", conversation_id, turn_id, ts, call_id } as const;
  if (hasExpired(asked, decision)) return { ...place, approved: false, reason: "expired" };
  return { ...place, approved, ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) };
}
